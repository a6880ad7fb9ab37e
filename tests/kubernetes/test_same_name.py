"""A deleted Job's name is requested again: in every order of events, the final Job has its own plan, is released, and
only its pods count."""

from typing import Any

import pytest

from boatyard.build import State
from boatyard.job import JobResult
from boatyard.ports import BuildQuery
from boatyard_buildkit.termination import brief
from boatyard_kubernetes.names import job_name
from tests.kubernetes.loopback.job_controller import JOBS
from tests.kubernetes.loopback.manual_node import ManualNode
from tests.kubernetes.site import NAMESPACE, Site, dying, site
from tests.local.jobs import job, tag

ID = f"{tag()}-1"
NAME = job_name(ID)
DONE = brief(JobResult(state=State.SUCCEEDED, digest="sha256:" + "b" * 64)).decode()


def delete(it: Site) -> None:
    """Deletes as `kubectl delete job` does; the garbage collector removes the dependents later."""
    if any(found["metadata"]["name"] == NAME for found in it.cluster.objects("Job")):
        it.cluster.store.remove(JOBS, NAMESPACE, NAME)


def plan(found: dict[str, Any]) -> str:
    volumes = {volume["name"]: volume for volume in found["spec"]["template"]["spec"]["volumes"]}
    return str(volumes["plan"]["secret"]["secretName"])


def check_it_builds(it: Site, node: ManualNode) -> None:
    it.cluster.settle()
    (found,) = it.cluster.objects("Job")
    (secret,) = it.cluster.objects("Secret")
    assert not found["spec"]["suspend"]
    assert secret["metadata"]["name"] == plan(found)
    assert secret["metadata"]["ownerReferences"][0]["uid"] == found["metadata"]["uid"]
    node.start(NAME)
    node.end(NAME, 0, DONE)
    assert (build := it.runner.status(ID)) and build.state is State.SUCCEEDED


@pytest.mark.parametrize("again", [False, True], ids=["deleted", "deleted-and-asked-for-elsewhere"])
@pytest.mark.parametrize("at", range(8))
def test_a_job_that_is_deleted_before_any_request_of_its_start_builds_all_the_same(at: int, again: bool) -> None:
    with site() as (it, node):
        count = [0]

        def meanwhile(method: str, path: str) -> None:
            count[0] += 1
            if count[0] != at + 1:
                return
            it.cluster.server.fault = None
            delete(it)
            if again:
                it.another_runner().ensure(job(), tag(), force=False)

        it.cluster.server.fault = meanwhile
        it.runner.ensure(job(), tag(), force=False)
        it.cluster.server.fault = None
        if not it.cluster.objects("Job"):
            it.runner.ensure(job(), tag(), force=False)  # deleted after it was released
        check_it_builds(it, node)


def test_a_plan_that_is_still_there_of_the_job_before_is_not_taken() -> None:
    """The garbage collector of a real cluster comes seconds later."""
    with site() as (it, node):
        it.runner.ensure(job(), tag(), force=False)
        (first,) = it.cluster.objects("Secret")
        with it.cluster.controllers_late():
            delete(it)
            assert not it.runner.ensure(job(), tag(), force=False).joined
            assert len(it.cluster.objects("Secret")) == 2
        assert first["metadata"]["name"] not in [s["metadata"]["name"] for s in it.cluster.objects("Secret")]
        check_it_builds(it, node)


@pytest.mark.parametrize(("method", "path"), [("POST", "/secrets"), ("PATCH", "/jobs/")])
def test_a_dead_function_and_a_deleted_job_leave_nothing_in_the_way(method: str, path: str) -> None:
    with site() as (it, node):
        dying(it, method, path)
        delete(it)
        assert not it.runner.ensure(job(), tag(), force=False).joined
        check_it_builds(it, node)


def test_a_pod_of_the_job_before_says_nothing_of_this_one() -> None:
    with site() as (it, node):
        it.runner.ensure(job(), tag(), force=False)
        node.start(NAME)
        node.end(NAME, 0, DONE)
        (old,) = node.pods(NAME)
        with it.cluster.controllers_late():
            delete(it)
            it.runner.ensure(job(), tag(), force=False)
            assert node.pods(NAME) == [old]
            assert (build := it.runner.status(ID)) and build.state is State.QUEUED
            (listed,) = it.runner.list(BuildQuery()).builds
            assert listed.state is State.QUEUED
        check_it_builds(it, node)


def test_a_cancel_that_was_meant_for_the_job_before_stops_no_other() -> None:
    with site() as (it, _):
        it.runner.ensure(job(), tag(), force=False)

        def meanwhile(method: str, path: str) -> None:
            if method == "PATCH":
                it.cluster.server.fault = None
                delete(it)
                it.another_runner().ensure(job(), tag(), force=False)

        it.cluster.server.fault = meanwhile
        assert it.runner.cancel(ID) is None
        assert (build := it.runner.status(ID)) and build.state is State.QUEUED
