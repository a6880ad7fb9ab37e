"""Decides how a build ended, from its Job and its pods, before and after the Job controller has set its condition.

The job's container writes its result as it ends. The Job's condition follows when the pod has ended, including
sidecars, which takes seconds, or up to the pod's grace period if a process holds a sidecar. So a result counts
immediately, unless the condition may change it: after a cancel, a disruption, or if buildkitd was killed.
"""

from collections.abc import Callable
from typing import Final

import msgspec
from lightkube.resources.batch_v1 import Job
from lightkube.resources.core_v1 import Pod

from boatyard import lifecycle
from boatyard.build import Build, State
from boatyard.errors import Code
from boatyard.job import JobResult
from boatyard.lifecycle import Ending
from boatyard_kubernetes.end_facts import DONE, FAILED, EndFacts
from boatyard_kubernetes.facts import condition, terminated
from boatyard_kubernetes.pod import DAEMON
from boatyard_kubernetes.stopping import Stopped


def conclude(build: Build, job: Job, pods: list[Pod], stopped: Stopped | None, *, now: float) -> Build | None:
    """The ended build; None if it is too early to know how it ended. `pods` are the oldest first, and the last has
    ended; `build` has its known progress."""
    facts = EndFacts.of(build, job, pods, stopped, now=now)
    result, stop = _reported(facts), _stop(facts)
    over = condition(job, *DONE, *FAILED) is not None
    if not over and not _final(facts, result, stop):
        return None
    return lifecycle.conclude(facts.build, result=result, stop=stop, silence=lambda: _silence(facts), now=facts.at)


def _final(facts: EndFacts, result: JobResult | None, stop: Ending | None) -> bool:
    """Whether the end is final before the Job has a condition."""
    if stop is not None or (result is not None and result.state is State.SUCCEEDED):
        return True
    if facts.disruption:
        return False  # the pod is replaced, whatever it reported
    if result is None:
        return _out_of_memory(facts) is not None
    # The end of a buildkitd sidecar is known a moment later.
    return not (facts.blames_builder and facts.has_sidecar)


def _reported(facts: EndFacts) -> JobResult | None:
    """The job's result, unless the cluster has a better reason.

    A job reports CANCELLED when its pod is ended, even if nobody cancelled it: then the cluster has the reason. A job
    that lost its builder does not know that the builder ran out of memory.
    """
    result = facts.result
    if result is None or result.state is State.SUCCEEDED:
        return result
    if result.state is State.CANCELLED or condition(facts.job, *DONE) or _out_of_memory(facts):
        return None
    if facts.blames_builder and result.error and (words := facts.sidecars_words):
        error = msgspec.structs.replace(result.error, message=f"{result.error.message} ({words})")
        result = msgspec.structs.replace(result, error=error)
    return result


def _stop(facts: EndFacts) -> Ending | None:
    """The runner's own stop. A Job that succeeded nevertheless had not waited for too long."""
    if facts.stopped is None or (condition(facts.job, *DONE) and not facts.stopped.cancelled):
        return None
    return facts.stopped.ending


def _silence(facts: EndFacts) -> Ending:
    return next(found for rule in _SILENCE if (found := rule(facts)) is not None)


def _pushed_unseen(facts: EndFacts) -> Ending | None:
    if not condition(facts.job, *DONE):
        return None
    return lifecycle.lost("the Job succeeded, but its pod is gone and the result with it; the registry has the image")


def _without_pod(facts: EndFacts) -> Ending | None:
    if facts.pod is not None:
        return None
    reason, message = facts.failed
    if reason != "DeadlineExceeded":
        return lifecycle.lost(f"its pod is gone, deleted or lost with its node ({message or reason or 'no reason'})")
    text = "the Job took longer than its deadline and was ended by the cluster"
    if facts.build.started_at is None:
        text = "the Job passed its deadline; its pod is gone, so it is unknown whether it ever ran"
    return Ending(state=State.TIMED_OUT, code=Code.TIMED_OUT, message=text)


def _out_of_memory(facts: EndFacts) -> Ending | None:
    """Out of memory, unless the job reported the user's own error."""
    if facts.pod is None or not (facts.result is None or facts.blames_builder) or not facts.killed_for_memory:
        return None
    who, setting = ("buildkitd", "limits") if facts.killed_for_memory == DAEMON else ("the job", "jobLimits")
    text = f"{who} ran out of memory and was killed; raise kubernetes.{setting}"
    return Ending(state=State.FAILED, code=Code.OUT_OF_MEMORY, message=text, log_tail=facts.words)


def _past_deadline(facts: EndFacts) -> Ending | None:
    if facts.failed[0] != "DeadlineExceeded":
        return None
    text = "the Job took longer than its deadline and was ended by the cluster"
    return Ending(state=State.TIMED_OUT, code=Code.TIMED_OUT, message=text, log_tail=facts.words)


def _disrupted(facts: EndFacts) -> Ending | None:
    if not facts.disruption:
        return None
    text = f"its pod was taken away: {facts.disruption}"
    return Ending(state=State.ERRORED, code=Code.EVICTED, message=text, log_tail=facts.words)


def _never_ran(facts: EndFacts) -> Ending | None:
    if facts.pod is None or terminated(facts.pod) is not None:
        return None
    reason, message = facts.failed
    status = facts.pod.status
    why = (status and status.message) or facts.sidecars_words or message or reason or "no reason given"
    return Ending(state=State.ERRORED, code=Code.DATAPLANE_UNAVAILABLE, message=f"its pod never ran: {why}")


def _told_to_stop(facts: EndFacts) -> Ending | None:
    if facts.result is None:
        return None
    return lifecycle.lost("its pod was stopped, but not by Boatyard: somebody deleted it")


def _without_result(facts: EndFacts) -> Ending:
    end = terminated(facts.pod) if facts.pod else None
    assert end is not None  # noqa: S101 - else it never ran, or its pod is gone
    how = f"signal {end.signal}" if end.signal else f"exit code {end.exitCode}"
    detail = f" ({end.reason})" if end.reason and end.reason != "Error" else ""
    return lifecycle.lost(f"the job ended with {how}{detail} and without a result", facts.words)


_SILENCE: Final[tuple[Callable[[EndFacts], Ending | None], ...]] = (
    _pushed_unseen,
    _without_pod,
    _out_of_memory,
    _past_deadline,
    _disrupted,
    _never_ran,
    _told_to_stop,
    _without_result,
)
"""Explanations of the cluster for a job without a valid result. The first one that applies decides."""
