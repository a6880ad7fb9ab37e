"""Many requests start one build, also if a process dies at any time, and invalid ones are refused before a Job
exists."""

import base64
import json
import threading
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from boatyard.build import State
from boatyard.errors import BoatyardError
from boatyard.job import BuildJob, JobResult
from boatyard_buildkit.termination import brief
from boatyard_kubernetes import KubernetesJobRunner
from boatyard_kubernetes.jobs import Jobs
from boatyard_kubernetes.names import job_name
from tests.kubernetes.loopback.job_controller import JOBS
from tests.kubernetes.loopback.status import Refused
from tests.kubernetes.site import NAMESPACE, Site, dying, limited, settings, site
from tests.local.jobs import job, tag

ID = f"{tag()}-1"
NAME = job_name(ID)
DONE = brief(JobResult(state=State.SUCCEEDED, digest="sha256:" + "b" * 64)).decode()


def scoped(project: str, number: int = 0) -> Callable[[int], BuildJob]:
    return lambda attempt: msgspec.structs.replace(job(number)(attempt), project=project)


@pytest.mark.parametrize(("method", "path"), [("POST", "/secrets"), ("PATCH", "/jobs/")])
def test_whoever_asks_next_finishes_what_a_dead_function_began(method: str, path: str) -> None:
    with site() as (it, node):
        dying(it, method, path)
        assert not it.cluster.objects("Pod"), "nothing runs, and no node is held, before the plan is there"
        assert (found := it.runner.status(ID)) and found.state is State.QUEUED
        ensured = it.runner.ensure(job(), tag(), force=False)
        assert ensured.joined and ensured.build.id == ID
        assert len(it.cluster.objects("Secret")) == 1
        node.start(NAME)
        node.end(NAME, 0, DONE)
        assert (found := it.runner.status(ID)) and found.state is State.SUCCEEDED


def test_the_plan_goes_with_its_job() -> None:
    with site() as (it, _):
        it.runner.ensure(job(), tag(), force=False)
        (secret,) = it.cluster.objects("Secret")
        assert secret["immutable"] and secret["metadata"]["ownerReferences"][0]["kind"] == "Job"
        it.cluster.store.remove(JOBS, NAMESPACE, NAME)
        it.cluster.settle()
        assert not it.cluster.objects("Secret") and not it.cluster.objects("Pod")
        assert it.runner.status(ID) is None
        assert not it.runner.ensure(job(), tag(), force=False).joined


def test_a_plan_that_no_secret_can_hold_is_refused_and_leaves_nothing() -> None:
    def large(attempt: int) -> BuildJob:
        return msgspec.structs.replace(job()(attempt), dockerfile="#" * 1_100_000)

    with site() as (it, _):
        with pytest.raises(BoatyardError) as refused:
            it.runner.ensure(large, tag(), force=False)
        assert refused.value.code == "INVALID_SPEC"
        assert not it.cluster.objects("Job")


def test_two_namespaces_that_ask_for_one_tag_at_once_get_one_build() -> None:
    with site() as (it, _):
        for project in ("one", "two", "three"):
            it.cluster.namespace(f"{project}-development")
        it.cluster.apply(*_more_access(it, "one-development", "two-development", "three-development"))
        runners = [KubernetesJobRunner(it.connect(), it.settings, it.clock, fresh_seconds=0) for _ in range(6)]
        barrier, found = threading.Barrier(6), []

        def ask(runner: KubernetesJobRunner, project: str) -> None:
            barrier.wait()
            found.append(runner.ensure(scoped(project), tag(), force=False))

        threads = [
            threading.Thread(target=ask, args=(runner, ("one", "two", "three")[number % 3]))
            for number, runner in enumerate(runners)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 6 and sum(not e.joined for e in found) <= 1
        assert len(it.cluster.objects("Job")) == 1, [j["metadata"]["namespace"] for j in it.cluster.objects("Job")]
        assert len(it.cluster.objects("Pod")) == 1


def test_rivals_that_both_died_are_cleared_away() -> None:
    with site() as (it, _):
        for project in ("one", "two"):
            it.cluster.namespace(f"{project}-development")
        it.cluster.apply(*_more_access(it, "one-development", "two-development"))
        dying_at = Refused(500, "died")
        for project in ("one", "two"):
            it.cluster.server.fault = lambda m, p: dying_at if m == "POST" and "/secrets" in p else None
            jobs = Jobs(it.api, it.settings)
            jobs._find = lambda labels: []  # type: ignore[method-assign]  # neither has seen the other
            with pytest.raises(BoatyardError):
                jobs.start(scoped(project)(1), 1, now=it.clock.now())
        it.cluster.server.fault = None
        assert len(it.cluster.objects("Job")) == 2
        assert it.runner.ensure(scoped("two"), tag(), force=False).joined
        assert len(it.cluster.objects("Job")) == 1 and len(it.cluster.objects("Pod")) == 1


def _more_access(it: Site, *namespaces: str) -> list[dict[str, Any]]:
    from boatyard_kubernetes.access import function_access
    from tests.kubernetes.site import FUNCTION, HOME

    subject = {"kind": "ServiceAccount", "name": FUNCTION, "namespace": HOME}
    made = [obj.to_dict() for obj in function_access(it.settings, subject, namespaces)]  # type: ignore[attr-defined]
    return [obj for obj in made if not obj["kind"].startswith("Cluster")]


def test_a_foreign_job_of_the_same_name_is_not_touched() -> None:
    with site() as (it, _):
        pod = {"containers": [{"name": "x", "image": "x"}], "restartPolicy": "Never"}
        metadata = {"name": NAME, "namespace": NAMESPACE}
        spec = {"template": {"spec": pod}}
        it.cluster.apply({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec})
        with pytest.raises(BoatyardError) as refused:
            it.runner.ensure(job(), tag(), force=False)
        assert "not Boatyard's" in refused.value.detail
        assert it.runner.status(ID) is None and len(it.cluster.objects("Job")) == 1


def test_a_full_namespace_answers_429() -> None:
    with site() as (it, _):
        quota = {"metadata": {"name": "q", "namespace": NAMESPACE}, "spec": {"hard": {"count/jobs.batch": "1"}}}
        it.cluster.apply({"apiVersion": "v1", "kind": "ResourceQuota", **quota})
        it.runner.ensure(job(1), tag(1), force=False)
        with pytest.raises(BoatyardError) as refused:
            it.runner.ensure(job(2), tag(2), force=False)
        assert refused.value.code == "TOO_MANY_BUILDS" and refused.value.retry_after_seconds


def test_a_namespace_that_is_missing_is_named_or_made() -> None:
    with site() as (it, _):
        with pytest.raises(BoatyardError) as refused:
            it.runner.ensure(scoped("new"), tag(), force=False)
        assert refused.value.code == "DATAPLANE_DENIED" and "new-development" in refused.value.detail
    with site(limited(settings(createNamespaces=True), it.settings.limits)) as (it, _):
        it.runner.ensure(scoped("new"), tag(), force=False)
        assert it.cluster.objects("Job")[0]["metadata"]["namespace"] == "new-development"


def test_without_an_image_for_jobs_none_is_made() -> None:
    with site(settings(builderImage="")) as (it, _):
        with pytest.raises(BoatyardError) as refused:
            it.runner.ensure(job(), tag(), force=False)
        assert refused.value.code == "DATAPLANE_UNAVAILABLE" and "make builder-image" in refused.value.detail
        assert it.cluster.objects("Job") == []


def test_the_job_is_told_who_it_is_to_registries() -> None:
    with site(msgspec.structs.replace(settings(), authentication_type="aws")) as (it, _):
        it.runner.ensure(job(), tag(), force=False)
        (plan,) = it.cluster.objects("Secret")
        told = json.loads(base64.b64decode(plan["data"]["settings.json"]))
        assert told["authenticationType"] == "aws"
