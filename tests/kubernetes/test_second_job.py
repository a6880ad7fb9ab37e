"""A build that is planned without a RUN has a pod without BuildKit, which every namespace admits. If its job finds that
a step needs one, a second Job goes on with the build."""

import base64
from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest

from boatyard import lifecycle
from boatyard.build import State
from boatyard.errors import Code
from boatyard.job import BuildJob, JobResult, JobStep, JobSteps, Maker
from boatyard.ports import BuildQuery
from boatyard.settings import Output, Settings
from boatyard_buildkit.termination import brief
from boatyard_kubernetes.job_object import job_object
from boatyard_kubernetes.names import job_name, second_name
from tests.kubernetes.doctors import label_namespace
from tests.kubernetes.loopback.admission import violations
from tests.kubernetes.loopback.job_controller import JOBS
from tests.kubernetes.loopback.manual_node import ManualNode
from tests.kubernetes.site import NAMESPACE, Site, settings, site
from tests.local.jobs import job, tag

ID: Final = f"{tag()}-1"
FIRST, SECOND = job_name(ID), second_name(ID)
PUSHED: Final = brief(JobResult(state=State.SUCCEEDED, digest="sha256:" + "b" * 64)).decode()
LEFT: Final = brief(
    JobResult(state=State.FAILED, error=lifecycle.failure(Code.UNSUPPORTED, "a step needs BuildKit"))
).decode()


def of(*makers: Maker, **changes: Any) -> Callable[[int], BuildJob]:
    """Jobs of plans with these steps."""
    steps = JobSteps(opening="o", opening_lines=2, layers=tuple(JobStep(maker=maker, prefix=maker) for maker in makers))
    return lambda attempt: msgspec.structs.replace(job()(attempt), steps=steps, **changes)


def pod_of(made: BuildJob, chosen: Settings) -> dict[str, Any]:
    found: dict[str, Any] = job_object(made, lifecycle.queued(made, now=0), 1, chosen, NAMESPACE).to_dict()
    return dict(found["spec"]["template"]["spec"])


def handed_over(it: Site, node: ManualNode) -> None:
    """A build whose first job left a step to BuildKit, and whose second Job has begun."""
    it.runner.ensure(of("wheels"), tag(), force=False)
    node.start(FIRST)
    node.log(FIRST, '{"t":1,"line":"[2/2] goes to BuildKit"}')
    node.end(FIRST, 1, LEFT)
    assert (build := it.runner.status(ID)) and build.state is State.QUEUED


def test_a_build_without_a_run_has_a_restricted_pod_and_no_buildkit() -> None:
    pod = pod_of(of("config", "files", "wheels")(1), settings())
    assert violations("restricted", pod) == []
    assert "initContainers" not in pod and "hostUsers" not in pod and len(pod["containers"]) == 1
    assert "--without-buildkit" in pod["containers"][0]["args"]
    assert {volume["name"] for volume in pod["volumes"]} == {"plan", "out", "tmp"}


@pytest.mark.parametrize(
    "made",
    [of("wheels", "run"), of("wheels", output=Output(sbom=True)), of("wheels", output=Output(provenance="max")), job()],
)
def test_what_is_known_to_need_buildkit_has_it_from_the_beginning(made: Callable[[int], BuildJob]) -> None:
    pod = pod_of(made(1), settings())
    assert [container["name"] for container in pod["initContainers"]] == ["buildkitd"]
    assert "--without-buildkit" not in pod["containers"][0]["args"]


def test_a_job_beside_a_shared_buildkitd_has_no_other_way() -> None:
    managed = msgspec.convert({"kubernetes": {"builderImage": "r/builder:1"}}, Settings)
    assert "--without-buildkit" not in pod_of(of("wheels")(1), managed)["containers"][0]["args"]


def test_a_restricted_namespace_builds_what_needs_no_run() -> None:
    with site() as (it, node):
        label_namespace(it, "restricted")
        it.runner.ensure(of("wheels"), tag(), force=False)
        node.start(FIRST)
        node.end(FIRST, 0, PUSHED)
        assert (build := it.runner.status(ID)) and build.state is State.SUCCEEDED
        assert [found["metadata"]["name"] for found in it.cluster.objects("Job")] == [FIRST]


def test_a_step_that_is_left_to_buildkit_is_built_by_a_second_job_of_the_same_build() -> None:
    with site() as (it, node):
        handed_over(it, node)
        assert (build := it.runner.status(ID)) and (build.id, build.attempt) == (ID, 1)
        first, second = (node.pods(name)[0]["spec"] for name in (FIRST, SECOND))
        assert [container["name"] for container in second["initContainers"]] == ["buildkitd"]
        assert "--without-buildkit" not in second["containers"][0]["args"]
        assert second["volumes"][0] == first["volumes"][0]
        (plan,) = it.cluster.objects("Secret")
        assert {"job.json", "settings.json", "buildkitd.toml"} == set(plan["data"])
        assert b"absent" not in base64.b64decode(plan["data"]["settings.json"])
        node.start(SECOND)
        node.log(SECOND, '{"t":2,"line":"made by BuildKit"}')
        assert (build := it.runner.status(ID)) and build.state is State.RUNNING
        node.end(SECOND, 0, PUSHED)
        assert (build := it.runner.status(ID)) and build.state is State.SUCCEEDED
        assert [found.id for found in it.runner.list(BuildQuery()).builds] == [ID]
        lines, cursor = [], ""
        for _ in range(3):
            page = it.runner.logs(ID, cursor)
            assert page
            lines, cursor = [*lines, *page.lines], page.cursor
        assert lines == ["[2/2] goes to BuildKit", "made by BuildKit"]


def test_the_plan_goes_with_the_last_of_the_two() -> None:
    with site() as (it, node):
        handed_over(it, node)
        it.cluster.store.remove(JOBS, NAMESPACE, FIRST)
        it.cluster.settle()
        assert it.cluster.objects("Secret")
        assert (build := it.runner.status(ID)) and build.state is State.QUEUED
        it.cluster.store.remove(JOBS, NAMESPACE, SECOND)
        it.cluster.settle()
        assert not it.cluster.objects("Secret")


def test_whoever_asks_for_the_image_hands_it_over_and_only_once() -> None:
    with site() as (it, node):
        it.runner.ensure(of("wheels"), tag(), force=False)
        node.start(FIRST)
        node.end(FIRST, 1, LEFT)
        assert [found.state for found in it.runner.list(BuildQuery()).builds] == [State.QUEUED]
        for _ in range(2):
            joined = it.another_runner().ensure(of("wheels"), tag(), force=False)
            assert joined.joined and joined.build.id == ID and joined.build.state is State.QUEUED
        assert {found["metadata"]["name"] for found in it.cluster.objects("Job")} == {FIRST, SECOND}
        assert len(node.pods(SECOND)) == 1


def test_a_cancel_at_the_moment_of_the_handover_ends_the_second_job() -> None:
    with site() as (it, node):
        it.runner.ensure(of("wheels"), tag(), force=False)
        node.start(FIRST)
        other = it.another_runner()

        def meanwhile(method: str, path: str) -> None:
            if method == "PATCH" and path.partition("?")[0].endswith(FIRST):
                it.cluster.server.fault = None
                node.end(FIRST, 1, LEFT)
                other.status(ID)

        it.cluster.server.fault = meanwhile
        assert (build := it.runner.cancel(ID)) and build.state is State.CANCELLED
        it.clock.sleep(2)
        it.cluster.settle()
        assert (build := it.runner.status(ID)) and build.state is State.CANCELLED
        assert not [pod for pod in node.pods(SECOND) if pod["status"]["phase"] in ("Pending", "Running")]


def test_a_namespace_that_does_not_admit_buildkit_is_named_at_the_end() -> None:
    with site() as (it, node):
        label_namespace(it, "restricted")
        handed_over(it, node)
        for _ in range(2):
            it.clock.sleep(400)
            it.cluster.settle()
            build = it.runner.status(ID)
        assert build and build.state is State.ERRORED and build.error
        assert build.error.code == Code.DATAPLANE_DENIED and "PodSecurity" in build.error.message
