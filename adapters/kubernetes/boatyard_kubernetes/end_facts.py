"""The facts about how a build ended: its Job, its last pod, and the result in it."""

from typing import Final

import msgspec
from lightkube.resources.batch_v1 import Job
from lightkube.resources.core_v1 import Pod

from boatyard.build import Build
from boatyard.decoding import Undecodable, decode_json, decoder
from boatyard.errors import Code
from boatyard.job import JobResult
from boatyard_kubernetes.facts import condition, containers, pod_condition, seconds, sidecar_end, terminated
from boatyard_kubernetes.stdout import text_of
from boatyard_kubernetes.stopping import Stopped

DONE: Final = ("Complete", "SuccessCriteriaMet")
FAILED: Final = ("Failed", "FailureTarget")
"""The Target and Met conditions come first, while pods still terminate, and already decide (1.31 and newer)."""
_TAKEN_AWAY: Final = ("Evicted", "Preempting", "NodeShutdown", "Terminated", "NodeLost")
_BLAMES_BUILDER: Final = frozenset({Code.BUILDER_LOST, Code.DATAPLANE_UNAVAILABLE, Code.INTERNAL})
"""Codes of a job whose BuildKit disconnected. Its pod may show why."""
_TAIL: Final = 40
_RESULT: Final = decoder(JobResult)


class EndFacts(msgspec.Struct, frozen=True):
    build: Build
    """The build with its known progress."""
    job: Job
    pod: Pod | None
    """The last pod; None if there is none any more."""
    result: JobResult | None
    """The result that the job's container reported."""
    stopped: Stopped | None
    at: float
    """Time of the end; seconds since 1970."""

    @classmethod
    def of(cls, build: Build, job: Job, pods: list[Pod], stopped: Stopped | None, *, now: float) -> "EndFacts":
        """`pods` oldest first."""
        pod = pods[-1] if pods else None
        # A node's clock may be fast: an end in the future would hold a failure for longer.
        at = max(min(_end(job, pod) or now, now), build.started_at or build.created_at)
        result = result_of(pod) if pod else None
        if result and result.phases:
            build = msgspec.structs.replace(build, phases=result.phases)
        return cls(build, job, pod, result, stopped, at)

    @property
    def failed(self) -> tuple[str, str]:
        """The Job's reason and message."""
        reason, message, _ = condition(self.job, *FAILED) or ("", "", None)
        return reason, message

    @property
    def disruption(self) -> str:
        """Why the cluster removed the pod; empty if it did not."""
        if self.pod is None:
            return ""
        status = self.pod.status
        found = pod_condition(self.pod, "DisruptionTarget", "True")
        reason = (status and status.reason) or ""
        if found is None and reason not in _TAKEN_AWAY:
            return ""
        return (status and status.message) or (found[1] if found else "") or reason or "no reason given"

    @property
    def blames_builder(self) -> bool:
        error = self.result.error if self.result else None
        return error is not None and error.code in _BLAMES_BUILDER

    @property
    def words(self) -> tuple[str, ...]:
        """The last lines of a job without a result."""
        end = terminated(self.pod) if self.pod else None
        if end is None or self.result is not None:
            return ()
        return tuple(text_of(end.message or "").splitlines()[-_TAIL:])

    @property
    def sidecars_words(self) -> str:
        found = sidecar_end(self.pod) if self.pod else ""
        return f"buildkitd beside it {found}" if found else ""

    @property
    def has_sidecar(self) -> bool:
        return bool(self.pod and self.pod.status and self.pod.status.initContainerStatuses)

    @property
    def killed_for_memory(self) -> str:
        """Name of the container that ran out of memory: the job's, or the buildkitd sidecar, which is restarted when it
        is killed (hence lastState). Empty if none did."""
        for container in containers(self.pod) if self.pod else ():
            for state in (container.state, container.lastState):
                if state and state.terminated and state.terminated.reason == "OOMKilled":
                    return container.name
        return ""


def result_of(pod: Pod) -> JobResult | None:
    """The result in the termination message, if the job wrote one. Otherwise the message is the log's end, or empty."""
    end = terminated(pod)
    if end is None or not end.message:
        return None
    try:
        return decode_json(end.message, _RESULT)
    except Undecodable:
        return None


def _end(job: Job, pod: Pod | None) -> float | None:
    end = terminated(pod) if pod else None
    if end and end.finishedAt:
        return seconds(end.finishedAt)
    found = condition(job, *DONE, *FAILED)
    return seconds(found[2]) if found else None
