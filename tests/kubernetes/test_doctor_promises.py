"""The doctor promises only what it has observed: a completed push, pods on their future nodes, the deployed version."""

import base64
import json

import msgspec
import pytest

from boatyard.cluster_doctor import ClusterRequest
from boatyard.finding import Level
from boatyard.ports import Scope
from boatyard_kubernetes.doctor import command
from boatyard_kubernetes.doctor.examination import Examination
from tests.kubernetes.doctors import NODE, client_secret, deploy, examine, managed
from tests.kubernetes.site import NAMESPACE, settings, site

REPOSITORY = "r.test/images"
PUSHING = msgspec.structs.replace(settings(), default_repository=REPOSITORY)
REFUSED = {**NODE, "unshare": 1, "mount": None, "seccomp": 2}


def test_a_push_that_never_ended_is_no_promise() -> None:
    """A buildkitImage that crashes, or whose pull takes longer than the wait."""
    with site(PUSHING) as (it, _):
        report = examine(it, push=True, silent="boatyard-doctor", wait_seconds=2)
        push = report["registry push"]
        assert push.status is Level.UNKNOWN and "not pushed within" in push.detail
        assert report.chosen.status is Level.UNKNOWN and report.chosen.detail == "see registry push"
        assert report.works == []


def test_an_image_that_cannot_be_pulled_is_a_push_that_fails() -> None:
    with site(PUSHING) as (it, _):
        report = examine(it, push=True, denied="", stuck=("buildkitd", "ErrImageNeverPull", "not present"))
        push = report["registry push"]
        assert push.status is Level.FAIL and "DATAPLANE_DENIED" in push.detail and "not present" in push.detail
        assert report.chosen.status is Level.FAIL


def test_without_a_push_the_other_findings_decide() -> None:
    with site(PUSHING) as (it, _):
        assert examine(it, push=False).chosen.status is Level.OK


@pytest.mark.parametrize("chosen", ["daemonless", "managed"])
def test_a_policy_of_another_namespace_condemns_nothing(chosen: str) -> None:
    """A webhook that sets a seccomp profile in one of the two namespaces."""
    mine = settings() if chosen == "daemonless" else managed()
    home, other = (NAMESPACE, "boatyard-buildkit") if chosen == "daemonless" else ("boatyard-buildkit", NAMESPACE)
    with site(mine) as (it, _):
        it.cluster.namespace("boatyard-buildkit", accounts=("buildkitd",))
        it.cluster.apply(*client_secret(managed()))
        deploy(it, managed())
        report = examine(it, mine, nodes={other: REFUSED})
        assert report.chosen.status is Level.OK and report["seccomp"].status is Level.OK
        theirs = report.prospects["managed" if chosen == "daemonless" else "daemonless"]
        assert theirs.status is Level.FAIL and "seccomp" in theirs.detail
        turned = examine(it, mine, nodes={home: REFUSED})
        assert turned.chosen.status is Level.FAIL and turned["seccomp"].status is Level.FAIL
        spaces = {job["metadata"]["namespace"] for job in report.jobs if "-node-" in job["metadata"]["name"]}
        assert spaces == {NAMESPACE, "boatyard-buildkit"}, "each topology's pod, where it will run"


def test_a_node_that_refuses_one_rootless_buildkitd_leaves_the_other_in_doubt() -> None:
    """The managed buildkitd's namespace does not exist, so it cannot be tested."""
    with site() as (it, _):
        report = examine(it, node=REFUSED)
        assert report.prospects["managed"].status is Level.UNKNOWN
        assert "not tried where it runs" in report.prospects["managed"].detail


def test_the_pod_beside_a_job_is_looked_at_under_a_builds_account_and_labels() -> None:
    with site(settings(serviceAccount="builder", podLabels={"who": "me"})) as (it, _):
        it.cluster.apply(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "builder", "namespace": NAMESPACE}}
        )
        node = next(job for job in examine(it).jobs if "-node-" in job["metadata"]["name"])
        template = node["spec"]["template"]
        assert template["spec"]["serviceAccountName"] == "builder" and template["metadata"]["labels"]["who"] == "me"
        assert template["metadata"]["labels"]["app.kubernetes.io/component"] == "build"


def test_the_image_that_is_pushed_is_made_as_a_users_is() -> None:
    """A base of the deployment, uv, a RUN step and a push, in the topology's own pod."""
    mirrored = msgspec.structs.replace(PUSHING, registry_mirrors={"docker.io": "m.test/docker"})
    with site(mirrored) as (it, _):
        plans: list[dict[str, str]] = []
        report = examine(it, mirrored, push=True, plans=plans)
        build = next(job for job in report.jobs if "boatyard.io/record" in job["metadata"].get("annotations", {}))
        assert [c["name"] for c in build["spec"]["template"]["spec"]["initContainers"]] == ["buildkitd"]
        job = json.loads(base64.b64decode(plans[0]["job.json"]))
        assert "FROM docker.io/library/python:3.12-slim" in job["dockerfile"] and "RUN" in job["dockerfile"]
        assert "--from=uv" in job["dockerfile"] and job["registryMirrors"] == {"docker.io": "m.test/docker"}
        assert job["target"].startswith(f"{REPOSITORY}/boatyard-doctor:")


@pytest.mark.parametrize(("asked", "wanted"), [(0, 700 + 120), (60, 60)])
def test_it_waits_longer_than_a_build_may_unless_it_is_told(
    asked: float, wanted: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []

    class Watched(Examination):
        def __init__(self, *args: object, wait_seconds: float, **options: object) -> None:
            seen.append(wait_seconds)
            super().__init__(*args, wait_seconds=0, **options)  # type: ignore[arg-type]

    chosen = settings(startSeconds=700, builderImage="")
    with site(chosen) as (it, _):
        monkeypatch.setattr(command, "Examination", Watched)
        monkeypatch.setattr(command, "find_config", lambda *_: it.cluster.kubeconfig().get())
        request = ClusterRequest(scope=Scope("default", "development"), settings=chosen, push=False, wait_seconds=asked)
        command.examine_cluster(request, found=lambda _: None, waiting=lambda _: None)
    assert seen == [wanted]
