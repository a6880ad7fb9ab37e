"""Refusals of the API server, and the errors for the caller."""

import socket

import pytest

from boatyard.errors import BoatyardError
from boatyard_kubernetes import connect
from tests.kubernetes.loopback.rbac import User
from tests.kubernetes.loopback.status import Refused
from tests.kubernetes.site import TOKEN, Site, settings, site
from tests.local.jobs import job, tag


def ensure(it: Site) -> BoatyardError:
    with pytest.raises(BoatyardError) as refused:
        it.runner.ensure(job(), tag(), force=False)
    return refused.value


def failing(it: Site, refused: Refused | str, method: str = "POST") -> BoatyardError:
    it.cluster.server.fault = lambda asked, _: refused if asked == method else None
    return ensure(it)


@pytest.mark.parametrize(
    ("refused", "code", "words"),
    [
        (Refused(401, "Unauthorized"), "DATAPLANE_DENIED", "expired"),
        (Refused(429, "too many requests", retry_after=7), "DATAPLANE_UNAVAILABLE", "is overloaded"),
        (Refused(500, "etcdserver: request timed out"), "DATAPLANE_UNAVAILABLE", "request timed out"),
        (Refused(503, "apiserver is shutting down"), "DATAPLANE_UNAVAILABLE", "503"),
        ("drop", "DATAPLANE_UNAVAILABLE", "cannot be reached"),
        (
            Refused(400, 'admission webhook "policy.test" denied the request: no latest tags'),
            "DATAPLANE_DENIED",
            "ask who runs that webhook",
        ),
        (
            Refused(403, 'jobs.batch "x" is forbidden: violates PodSecurity "restricted:latest": seccompProfile'),
            "DATAPLANE_DENIED",
            "label the namespace",
        ),
        (
            Refused(403, 'pods "x" is forbidden: maximum cpu usage per Container is 1, but limit is 2 (LimitRange)'),
            "DATAPLANE_DENIED",
            "fit kubernetes.jobRequests",
        ),
        (
            Refused(
                422, 'Pod "x" is invalid: spec: Invalid value: "200m": must be less than or equal to cpu limit of 100m'
            ),
            "DATAPLANE_DENIED",
            "fit kubernetes.jobRequests",
        ),
        (
            Refused(403, "unable to create new content in namespace a because it is being terminated"),
            "DATAPLANE_DENIED",
            "deleted",
        ),
        (Refused(422, 'Job.batch "x" is invalid: spec: too long'), "DATAPLANE_DENIED", "too long"),
        (Refused(413, "Request entity too large: limit is 3145728"), "DATAPLANE_DENIED", "too large"),
    ],
)
def test_each_refusal_says_who_acts_next(refused: Refused | str, code: str, words: str) -> None:
    with site() as (it, _):
        error = failing(it, refused)
        assert error.code == code and words in error.detail, error.detail
        assert "\n" not in error.detail and len(error.detail) < 700
        if isinstance(refused, Refused) and refused.code == 429:
            assert error.retry_after_seconds == 7


def test_a_server_that_stumbles_once_is_asked_again_for_reads_only() -> None:
    with site() as (it, _):
        seen: list[str] = []

        def once(method: str, path: str) -> Refused | None:
            seen.append(method)
            return Refused(503, "leader changed") if len(seen) == 1 else None

        it.cluster.server.fault = once
        assert not it.runner.ensure(job(), tag(), force=False).joined
        assert seen[:2] == ["GET", "GET"]


def test_a_missing_right_is_named_with_the_role_to_grant() -> None:
    with site() as (it, _):
        it.cluster.users["nobody"] = User("nobody")
        it.api = it.connect("nobody")
        it.runner._jobs._cluster = it.api
        error = ensure(it)
        assert error.code == "DATAPLANE_DENIED" and not error.meaning.retryable
        for words in ("list jobs.batch", "all namespaces", 'User "nobody"', "docs/kubernetes.md"):
            assert words in error.detail, error.detail


def test_an_unknown_token_is_a_clear_answer() -> None:
    with site() as (it, _):
        it.runner._jobs._cluster = it.connect("wrong")
        assert "does not know the caller" in ensure(it).detail


def test_a_cluster_that_is_away_is_unavailable() -> None:
    with site() as (it, _):
        pass
    error = ensure(it)
    assert error.code == "DATAPLANE_UNAVAILABLE" and error.meaning.retryable


def test_a_server_that_hangs_is_left_after_a_while() -> None:
    with socket.create_server(("127.0.0.1", 0)) as hung, site() as (it, _):
        config = it.cluster.kubeconfig(TOKEN)
        config.clusters["default"].server = f"http://127.0.0.1:{hung.getsockname()[1]}"
        it.runner._jobs._cluster = connect(config, read_seconds=0.2)
        assert "did not answer in time" in ensure(it).detail


def test_a_token_that_renews_itself_is_asked_for_each_request() -> None:
    with site() as (it, _):
        given: list[str] = []

        def token() -> str:
            given.append(TOKEN)
            return TOKEN

        it.runner._jobs._cluster = connect(it.cluster.kubeconfig("stale"), token=token)
        it.runner.ensure(job(), tag(), force=False)
        assert len(given) >= 4


def test_a_bad_namespace_template_is_refused_by_name() -> None:
    with site(settings(namespaceTemplate="{project}_{domain}")) as (it, _):
        error = ensure(it)
        assert error.code == "DATAPLANE_DENIED" and "kubernetes.namespaceTemplate" in error.detail
