"""The precedence of the facts about a build's end, and the answer before the Job controller has reacted."""

from typing import Any

import pytest
from lightkube.resources.batch_v1 import Job
from lightkube.resources.core_v1 import Pod

from boatyard import lifecycle
from boatyard.build import State
from boatyard.job import JobResult
from boatyard.lifecycle import failure
from boatyard_buildkit.termination import brief
from boatyard_kubernetes.ending import conclude
from boatyard_kubernetes.names import job_name
from boatyard_kubernetes.stopping import Stopped
from tests.kubernetes.loopback.job_controller import PODS
from tests.kubernetes.loopback.manual_node import ManualNode
from tests.kubernetes.site import Site, settings, site
from tests.local.jobs import job, tag

ID = f"{tag()}-1"
NAME = job_name(ID)
CANCEL = Stopped(code="CANCELLED", message="the build was cancelled", at=30)
OVERDUE = Stopped(code="DATAPLANE_UNAVAILABLE", message="it waited longer than 300 s to start", at=30)


def told(state: State, code: str = "") -> str:
    if state is State.SUCCEEDED:
        return brief(JobResult(state=state, digest="sha256:" + "b" * 64)).decode()
    return brief(JobResult(state=state, error=failure(code or state.value, "words"))).decode()


PUSHED = told(State.SUCCEEDED)
FAILED = told(State.FAILED, "COMMAND_FAILED")
TIMED_OUT = told(State.TIMED_OUT)
LOST = told(State.ERRORED, "BUILDER_LOST")
DENIED = told(State.ERRORED, "REGISTRY_DENIED")
TOLD_TO_STOP = told(State.CANCELLED)
NOT_YET = ""


def job_with(reason: str = "", kind: str = "Failed") -> Job:
    conditions = [{"type": kind, "status": "True", "reason": reason, "lastTransitionTime": _time(50)}] if reason else []
    spec = {"template": {"spec": {"containers": []}}}
    return Job.from_dict({"metadata": {"name": NAME}, "spec": spec, "status": {"conditions": conditions}})


def pod_with(
    message: str | None, *, code: int = 1, memory: str = "", disrupted: bool = False, sidecar: bool = False
) -> Pod:
    """`message` None: the job's container never ran. `memory`: the container that was killed for its memory use."""
    killed = {"exitCode": 137, "reason": "OOMKilled"}
    end = {"exitCode": code, "finishedAt": _time(40), "startedAt": _time(10), "reason": "Error", "message": message}
    state: dict[str, Any] = {"terminated": {**end, **(killed if memory == "build" else {})}}
    if message is None:
        state = {"waiting": {"reason": "PodInitializing"}}
    same = {"image": "i", "imageID": "", "ready": False, "restartCount": 0}
    status: dict[str, Any] = {"containerStatuses": [{**same, "name": "build", "state": state}]}
    if sidecar:
        last = {"terminated": {**killed, "finishedAt": _time(39)}} if memory == "buildkitd" else {}
        beside = {**same, "name": "buildkitd", "state": {"running": {}}, "lastState": last}
        status["initContainerStatuses"] = [beside]
    if disrupted:
        status["conditions"] = [{"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}]
    return Pod.from_dict({"metadata": {"name": "p"}, "spec": {"containers": []}, "status": status})


def _time(seconds: int) -> str:
    return f"1970-01-01T00:00:{seconds:02}Z"


@pytest.mark.parametrize(
    ("pod", "stopped", "early", "reason", "late"),
    [
        # the job reported its end, and nothing later changes it
        (pod_with(PUSHED, code=0), None, "SUCCEEDED", "", "SUCCEEDED"),
        (pod_with(PUSHED, code=0), OVERDUE, "SUCCEEDED", "DeadlineExceeded", "SUCCEEDED"),
        (pod_with(PUSHED, code=0, disrupted=True), None, "SUCCEEDED", "x", "SUCCEEDED"),
        (pod_with(FAILED), None, "COMMAND_FAILED", "PodFailurePolicy", "COMMAND_FAILED"),
        (pod_with(FAILED, sidecar=True), None, "COMMAND_FAILED", "PodFailurePolicy", "COMMAND_FAILED"),
        (pod_with(FAILED, sidecar=True, memory="buildkitd"), None, "COMMAND_FAILED", "x", "COMMAND_FAILED"),
        (pod_with(TIMED_OUT, sidecar=True), None, "TIMED_OUT", "PodFailurePolicy", "TIMED_OUT"),
        (pod_with(DENIED), None, "REGISTRY_DENIED", "PodFailurePolicy", "REGISTRY_DENIED"),
        (pod_with(LOST), None, "BUILDER_LOST", "PodFailurePolicy", "BUILDER_LOST"),
        # a buildkitd beside the job may have been killed: its own end is seen a moment later
        (pod_with(LOST, sidecar=True), None, NOT_YET, "PodFailurePolicy", "BUILDER_LOST"),
        (pod_with(LOST, sidecar=True, memory="buildkitd"), None, "OUT_OF_MEMORY", "x", "OUT_OF_MEMORY"),
        (pod_with("", code=137, memory="build"), None, "OUT_OF_MEMORY", "PodFailurePolicy", "OUT_OF_MEMORY"),
        # Boatyard stopped it; a cancel decides, whatever the job wrote
        (pod_with(PUSHED, code=0), CANCEL, "CANCELLED", "DeadlineExceeded", "CANCELLED"),
        (pod_with(FAILED), OVERDUE, "DATAPLANE_UNAVAILABLE", "DeadlineExceeded", "DATAPLANE_UNAVAILABLE"),
        (pod_with(TOLD_TO_STOP), CANCEL, "CANCELLED", "DeadlineExceeded", "CANCELLED"),
        (pod_with(FAILED), CANCEL, "CANCELLED", "DeadlineExceeded", "CANCELLED"),
        (pod_with("", code=137), CANCEL, "CANCELLED", "DeadlineExceeded", "CANCELLED"),
        # somebody else did, and the Job or the pod will say who
        (pod_with(TOLD_TO_STOP), None, NOT_YET, "PodFailurePolicy", "BUILDER_LOST"),
        (pod_with(TOLD_TO_STOP), None, NOT_YET, "DeadlineExceeded", "TIMED_OUT"),
        (pod_with(TOLD_TO_STOP, disrupted=True), None, NOT_YET, "PodFailurePolicy", "EVICTED"),
        (pod_with(FAILED, disrupted=True), None, NOT_YET, "PodFailurePolicy", "COMMAND_FAILED"),
        (pod_with("", code=137, memory="build", disrupted=True), None, NOT_YET, "x", "OUT_OF_MEMORY"),
        (pod_with("", code=137, disrupted=True), None, NOT_YET, "x", "EVICTED"),
        # nobody reported an end
        (pod_with("Traceback"), None, NOT_YET, "PodFailurePolicy", "BUILDER_LOST"),
        (pod_with(None), None, NOT_YET, "BackoffLimitExceeded", "DATAPLANE_UNAVAILABLE"),
        (None, None, NOT_YET, "DeadlineExceeded", "TIMED_OUT"),
        (None, None, NOT_YET, "BackoffLimitExceeded", "BUILDER_LOST"),
        (None, CANCEL, "CANCELLED", "DeadlineExceeded", "CANCELLED"),
    ],
)
def test_the_order_of_what_counts(pod: Pod | None, stopped: Stopped | None, early: str, reason: str, late: str) -> None:
    build = lifecycle.queued(job()(1), now=5)
    pods = [pod] if pod else []

    def end(of: Job) -> str:
        found = conclude(build, of, pods, stopped, now=60)
        return (found.error.code if found.error else found.state.value) if found else NOT_YET

    assert end(job_with()) == early
    assert end(job_with(reason)) == late


def hold_the_sidecar(it: Site, node: ManualNode, code: int, message: str) -> None:
    """The job's container has ended. A step's process keeps the sidecar, and so the pod, until the grace period
    ends."""
    pod = node.pod(NAME)
    it.cluster.node.terminated(pod, "build", code, message=message)
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    it.cluster.store.change(PODS, namespace, name, lambda o: o["status"].update(phase="Running"))
    it.cluster.settle()
    assert not [c for c in it.cluster.objects("Job")[0]["status"].get("conditions", ()) if c["status"] == "True"]


@pytest.mark.parametrize(
    ("code", "message", "state"), [(0, PUSHED, "SUCCEEDED"), (1, FAILED, "FAILED"), (1, TIMED_OUT, "TIMED_OUT")]
)
def test_an_end_is_told_as_soon_as_the_job_has_told_it(code: int, message: str, state: str) -> None:
    with site() as (it, node):
        it.runner.ensure(job(), tag(), force=False)
        node.start(NAME)
        hold_the_sidecar(it, node, code, message)
        build = it.runner.status(ID)
        assert build and build.state == state
        page = it.runner.logs(ID, "")
        assert page and page.done
        # written down: what becomes of the pod from here on changes nothing
        it.cluster.node.gone(node.pods(NAME)[0])
        assert it.runner.status(ID) == build


def test_a_build_that_ran_for_long_is_not_taken_for_one_that_waits_when_it_ends() -> None:
    """No pod runs between the end of a stopped pod and the Job's condition."""
    with site(settings(startSeconds=300)) as (it, node):
        it.runner.ensure(job(timeout=3000), tag(), force=False)
        node.start(NAME)
        it.clock.sleep(1000)
        hold_the_sidecar(it, node, 1, TOLD_TO_STOP)
        assert (build := it.runner.status(ID)) and build.state is State.QUEUED
        assert "boatyard.io/stopped" not in it.cluster.objects("Job")[0]["metadata"]["annotations"]


def test_a_node_whose_clock_is_ahead_does_not_hold_a_failure_until_then() -> None:
    with site() as (it, node):
        it.runner.ensure(job(), tag(), force=False)
        node.start(NAME)
        node.end(NAME, 1, FAILED)
        pod = node.pods(NAME)[0]
        state = pod["status"]["containerStatuses"][0]["state"]["terminated"]
        state |= {"startedAt": "2099-01-01T00:00:00Z", "finishedAt": "2099-01-02T00:00:00Z"}
        it.cluster.store.replace(PODS, pod)
        assert (build := it.runner.status(ID)) and build.finished_at == build.started_at == it.clock.now()
        it.clock.sleep(it.settings.limits.failure_hold_seconds + 1)
        assert not it.runner.ensure(job(), tag(), force=False).joined
