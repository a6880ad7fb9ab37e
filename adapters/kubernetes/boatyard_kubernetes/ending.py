"""How a build ended, told from its Job and the pods it left."""

from typing import Final

import msgspec
from lightkube.resources.batch_v1 import Job
from lightkube.resources.core_v1 import Pod

from boatyard import lifecycle
from boatyard.build import Build, State
from boatyard.job import JobResult
from boatyard_kubernetes.facts import condition, containers, pod_condition, seconds, terminated
from boatyard_kubernetes.stdout import text_of
from boatyard_kubernetes.stopping import Stopped

DONE: Final = ("Complete", "SuccessCriteriaMet")
FAILED: Final = ("Failed", "FailureTarget")
"""The Target and Met conditions come first, while pods still terminate, and already decide (1.31 and newer)."""
_TAIL: Final = 40
_RESULT: Final = msgspec.json.Decoder(JobResult)


def conclude(build: Build, job: Job, pods: list[Pod], stopped: Stopped | None, *, now: float) -> Build:
    """The build at its end. `pods` oldest first; `build` with the progress that is known."""
    last = pods[-1] if pods else None
    at = max(_end(job, last) or now, build.started_at or build.created_at)
    result = result_of(last) if last else None
    if condition(job, *DONE):
        if result is not None:
            return lifecycle.finished(build, result, now=at)
        return _lost(build, "the Job succeeded, but its pod is gone and the result with it; the registry knows", at)
    if stopped is not None:
        return stop(build, stopped)
    if last is None:
        return _without_pod(build, job, at)
    # A job that nobody cancelled says CANCELLED when its pod was told to stop: then the cluster knows why.
    told = result is not None and result.state.ended and result.state is not State.CANCELLED
    if result is not None and told and not _killed_for_memory(last):
        return lifecycle.finished(build, result, now=at)
    if result is not None:
        build = msgspec.structs.replace(build, phases=result.phases or build.phases)
    return _silent(build, job, last, at)


def stop(build: Build, stopped: Stopped) -> Build:
    state = State.CANCELLED if stopped.code == "CANCELLED" else State.ERRORED
    at = max(stopped.at, build.started_at or build.created_at)
    return lifecycle.ended(build, state, stopped.code, stopped.message, now=at)


def result_of(pod: Pod) -> JobResult | None:
    """The termination message, if the job came far enough to write it. Else it is the log's end, or nothing."""
    end = terminated(pod)
    if end is None or not end.message:
        return None
    try:
        return _RESULT.decode(end.message)
    except msgspec.MsgspecError:
        return None


def _silent(build: Build, job: Job, pod: Pod, at: float) -> Build:
    """The job did not tell how it ended; the kubelet and the Job controller do."""
    end = terminated(pod)
    told_to_stop = result_of(pod) is not None
    tail = () if told_to_stop else tuple(text_of((end.message or "") if end else "").splitlines()[-_TAIL:])
    reason, message, _ = condition(job, *FAILED) or ("", "", None)
    if _killed_for_memory(pod):
        text = "the builder ran out of memory and was killed; raise kubernetes.limits (or kubernetes.jobLimits)"
        return lifecycle.ended(build, State.FAILED, "OUT_OF_MEMORY", text, now=at, log_tail=tail)
    if reason == "DeadlineExceeded":
        text = "the Job took longer than its deadline and was ended by the cluster"
        return lifecycle.ended(build, State.TIMED_OUT, "TIMED_OUT", text, now=at, log_tail=tail)
    disruption = pod_condition(pod, "DisruptionTarget", "True")
    pod_reason = (pod.status and pod.status.reason) or ""
    if disruption or pod_reason in ("Evicted", "Preempting", "NodeShutdown", "Terminated", "NodeLost"):
        why = (pod.status and pod.status.message) or (disruption[1] if disruption else "") or pod_reason
        return lifecycle.ended(build, State.ERRORED, "EVICTED", f"its pod was taken away: {why}", now=at, log_tail=tail)
    if end is None:
        why = (pod.status and pod.status.message) or message or reason or "no reason given"
        return lifecycle.ended(build, State.ERRORED, "DATAPLANE_UNAVAILABLE", f"its pod never ran: {why}", now=at)
    if told_to_stop:
        return _lost(build, "its pod was told to stop, and not by Boatyard: somebody deleted it", at)
    how = f"signal {end.signal}" if end.signal else f"exit code {end.exitCode}"
    detail = f" ({end.reason})" if end.reason and end.reason != "Error" else ""
    return _lost(build, f"the job ended with {how}{detail} and without a result", at, tail)


def _without_pod(build: Build, job: Job, at: float) -> Build:
    reason, message, _ = condition(job, *FAILED) or ("", "", None)
    if reason == "DeadlineExceeded" and build.started_at is not None:
        text = "the Job took longer than its deadline and was ended by the cluster"
        return lifecycle.ended(build, State.TIMED_OUT, "TIMED_OUT", text, now=at)
    if reason == "DeadlineExceeded":
        text = "the Job passed its deadline; its pod is gone, so it is not known whether it ever ran"
        return lifecycle.ended(build, State.TIMED_OUT, "TIMED_OUT", text, now=at)
    return _lost(build, f"its pod is gone, deleted or lost with its node ({message or reason or 'no reason'})", at)


def _lost(build: Build, message: str, at: float, tail: tuple[str, ...] = ()) -> Build:
    return lifecycle.ended(build, State.ERRORED, "BUILDER_LOST", message, now=at, log_tail=tail)


def _killed_for_memory(pod: Pod) -> bool:
    """The job, or the buildkitd beside it, which is started again when it is killed: hence lastState."""
    for container in containers(pod):
        for state in (container.state, container.lastState):
            if state and state.terminated and state.terminated.reason == "OOMKilled":
                return True
    return False


def _end(job: Job, pod: Pod | None) -> float | None:
    end = terminated(pod) if pod else None
    if end and end.finishedAt:
        return seconds(end.finishedAt)
    found = condition(job, *DONE, *FAILED)
    return seconds(found[2]) if found else None
