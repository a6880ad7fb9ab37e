"""The end of a build is determined from its pod, its Job, or what remains of them."""

from typing import Any

import pytest

from boatyard.build import State
from boatyard.errors import BoatyardError
from boatyard.job import JobResult
from boatyard.lifecycle import failure
from boatyard_buildkit.termination import brief
from boatyard_kubernetes.names import job_name
from tests.kubernetes.loopback.job_controller import JOBS
from tests.kubernetes.loopback.resources import BY_PATH
from tests.kubernetes.loopback.status import Refused
from tests.kubernetes.site import NAMESPACE, settings, site
from tests.local.jobs import job, tag

ID = f"{tag()}-1"
NAME = job_name(ID)
DONE = brief(JobResult(state=State.SUCCEEDED, digest="sha256:" + "b" * 64)).decode()


def test_a_result_outlives_its_pod() -> None:
    with site() as (it, node):
        it.runner.ensure(job(), tag(), force=False)
        node.start(NAME)
        node.end(NAME, 0, DONE)
        build = it.runner.status(ID)
        node.cluster.node.gone(node.pods(NAME)[0])
        assert it.runner.status(ID) == build and build and build.image
        page = it.runner.logs(ID, "")
        assert page and page.done and page.lines == ()


def test_a_result_is_kept_although_the_job_controller_writes_at_that_moment() -> None:
    """The controller writes its conditions one after another; a real one was observed between two writes repeatedly."""
    with site() as (it, node):
        it.runner.ensure(job(), tag(), force=False)
        node.start(NAME)
        node.end(NAME, 0, DONE)
        left = [1, 2, 3]

        def meanwhile(method: str, path: str) -> None:
            if method == "PATCH" and left:
                at = left.pop()
                it.cluster.store.change(JOBS, NAMESPACE, NAME, lambda o: o["status"].update(ready=at))

        it.cluster.server.fault = meanwhile
        assert (build := it.runner.status(ID)) and build.state is State.SUCCEEDED and not left
        it.cluster.server.fault = None
        node.cluster.node.gone(node.pods(NAME)[0])
        assert it.runner.status(ID) == build


def test_a_log_that_the_node_cannot_give_does_not_hide_the_build() -> None:
    with site() as (it, node):
        it.runner.ensure(job(), tag(), force=False)
        node.start(NAME)
        words = 'Get "https://10.0.0.9:10250/containerLogs/": dial tcp 10.0.0.9:10250: connect: connection refused'
        it.cluster.server.fault = lambda method, path: Refused(500, words) if "/log" in path else None
        before = len(it.cluster.server.requests)
        assert (build := it.runner.status(ID)) and build.state is State.RUNNING
        assert len([path for _, path, _ in it.cluster.server.requests[before:] if "/log" in path]) == 1
        with pytest.raises(BoatyardError) as refused:
            it.runner.logs(ID, "")
        assert refused.value.code == "DATAPLANE_UNAVAILABLE" and "10.0.0.9" in refused.value.detail


def test_what_to_change_is_told_however_long_the_cluster_talks() -> None:
    """A real PodSecurity message is longer than the part that is shown."""
    with site() as (it, _):
        it.cluster.store.change(
            BY_PATH["", "v1", "namespaces"],
            "",
            NAMESPACE,
            lambda o: o["metadata"].update(labels={"pod-security.kubernetes.io/enforce": "restricted"}),
        )
        it.runner.ensure(job(), tag(), force=False)
        it.clock.sleep(10)
        build = it.runner.status(ID)
        assert build and build.step and 'violates PodSecurity "restricted:latest"' in build.step.title
        assert build.step.title.endswith("label the namespace for the level that the topology needs")


def test_a_pod_that_is_gone_before_anyone_looked_leaves_a_success_without_its_digest() -> None:
    with site() as (it, node):
        it.runner.ensure(job(), tag(), force=False)
        node.start(NAME)
        node.end(NAME, 0, DONE)
        node.cluster.node.gone(node.pods(NAME)[0])
        build = it.runner.status(ID)
        assert build and build.error and build.error.code == "BUILDER_LOST" and build.error.retryable


def end(what: str, *args: Any, code: int = 137, message: str = "", **options: Any) -> Any:
    """Returns how a build ends if its pod ends like this: (state, code, text)."""
    with site() as (it, node):
        it.runner.ensure(job(), tag(), force=False)
        node.start(NAME)
        if what == "end":
            node.end(NAME, code, message, **options)
        else:
            node.do(what, NAME, *args, **options)
        build = it.runner.status(ID)
        assert build
        return build


def test_memory_is_the_users_to_raise() -> None:
    build = end("end", reason="OOMKilled")
    assert (build.state, build.error.code) == (
        State.FAILED,
        "OUT_OF_MEMORY",
    ) and "kubernetes.jobLimits" in build.error.message


def test_words_without_a_result_are_told() -> None:
    build = end("end", code=1, message='{"t":1,"line":"in the log"}\nTraceback: x')
    assert build.error.code == "BUILDER_LOST" and build.error.log_tail == ("in the log", "Traceback: x")


def test_a_pod_that_somebody_deleted_is_lost_and_not_cancelled() -> None:
    told = brief(JobResult(state=State.CANCELLED, error=failure("CANCELLED", "the build was cancelled"))).decode()
    build = end("end", code=1, message=told)
    assert (build.state, build.error.code) == (State.ERRORED, "BUILDER_LOST") and "deleted it" in build.error.message
    assert build.error.log_tail == ()


def test_an_eviction_is_tried_again_and_told_while_it_waits() -> None:
    with site() as (it, node):
        it.runner.ensure(job(), tag(), force=False)
        node.start(NAME)
        node.do("evict", NAME, "The node was low on resource: memory.")
        build = it.runner.status(ID)
        assert build and build.state is State.QUEUED and len(node.pods(NAME)) == 2
        node.start(NAME)
        node.end(NAME, 0, DONE)
        assert (build := it.runner.status(ID)) and build.state is State.SUCCEEDED


def test_a_pod_that_never_ran_is_tried_again_a_few_times() -> None:
    with site() as (it, node):
        it.runner.ensure(job(), tag(), force=False)
        for _ in range(4):
            pod = node.pod(NAME)
            pod["status"] |= {
                "phase": "Failed",
                "reason": "OutOfcpu",
                "message": "Node didn't have enough resource: cpu",
            }
            it.cluster.store.replace(_pods(), pod)
            it.cluster.settle()
        build = it.runner.status(ID)
        assert build and build.error and build.error.code == "DATAPLANE_UNAVAILABLE"
        assert "enough resource: cpu" in build.error.message


def _pods() -> Any:
    from tests.kubernetes.loopback.job_controller import PODS

    return PODS


def test_a_deadline_is_a_timeout_even_if_the_job_took_it_for_a_cancel() -> None:
    with site() as (it, node):
        it.runner.ensure(job(timeout=60), tag(), force=False)
        node.start(NAME)
        it.clock.sleep(60 + 600 + 61)
        it.cluster.settle()
        build = it.runner.status(ID)
        assert build and build.state is State.TIMED_OUT and not node.pods(NAME)


@pytest.mark.parametrize("how", ["unschedulable", "image", "admission", "mount"])
def test_what_a_build_waits_for_is_shown_and_ends_it_in_the_end(how: str) -> None:
    account = {"serviceAccount": "absent"} if how == "admission" else {}
    with site(settings(startSeconds=300, **account)) as (it, node):
        it.runner.ensure(job(), tag(), force=False)
        if how == "unschedulable":
            node.do("unschedulable", NAME, "0/3 nodes are available: 3 Insufficient memory.")
        elif how == "image":
            node.do("bind", NAME)
            node.do("waiting", NAME, "build", "ImagePullBackOff", "Back-off pulling image")
        elif how == "mount":
            pod = node.pod(NAME)
            it.cluster.events.tell(pod, "Warning", "FailedMount", 'secret "boatyard-buildkit-client" not found')
        it.clock.sleep(10)
        words = {
            "unschedulable": "Insufficient memory",
            "image": "cannot be pulled (ImagePullBackOff)",
            "admission": "create it, or name another in kubernetes.serviceAccount",
            "mount": "boatyard-buildkit-client",
        }[how]
        build = it.runner.status(ID)
        assert build and build.state is State.QUEUED and build.step and words in build.step.title
        it.clock.sleep(300)
        build = it.runner.status(ID)
        # More room may come until startSeconds are over; the others need somebody to change something.
        code = "DATAPLANE_UNAVAILABLE" if how == "unschedulable" else "DATAPLANE_DENIED"
        assert build and build.state is State.ERRORED and build.error and build.error.code == code
        assert words in build.error.message and ("300 s" in build.error.message) is (how == "unschedulable")
        it.clock.sleep(2)
        it.cluster.settle()
        assert not node.pods(NAME)
        assert not it.runner.ensure(job(), tag(), force=False).joined
