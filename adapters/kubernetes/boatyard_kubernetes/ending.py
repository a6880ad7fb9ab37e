"""How a build ended, from its Job and its pods: before the Job controller has set its condition, and after.

The job's container writes its result as it ends. The Job's condition comes when the pod has ended, sidecars included,
which takes seconds, and up to the pod's grace where a process holds a sidecar. So a result counts at once, unless what
comes may say more: a cancel, a disruption, a buildkitd that was killed.
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
    """The build at its end; None if it is too early to know how it ended. `pods` oldest first, of which the last has
    ended; `build` with the progress that is known."""
    facts = EndFacts.of(build, job, pods, stopped, now=now)
    result, stop = _reported(facts), _stop(facts)
    over = condition(job, *DONE, *FAILED) is not None
    if not over and not _final(facts, result, stop):
        return None
    return lifecycle.conclude(facts.build, result=result, stop=stop, silence=lambda: _silence(facts), now=facts.at)


def _final(facts: EndFacts, result: JobResult | None, stop: Ending | None) -> bool:
    """Whether the end holds before the Job has a condition: nothing that is still to come changes it."""
    if stop is not None or (result is not None and result.state is State.SUCCEEDED):
        return True
    if facts.disruption:
        return False  # the pod is replaced, whatever it reported
    if result is None:
        return _out_of_memory(facts) is not None
    # How a buildkitd beside the job ended is known a moment later.
    return not (facts.blames_builder and facts.has_sidecar)


def _reported(facts: EndFacts) -> JobResult | None:
    """The job's result, unless the cluster knows better.

    A job that nobody cancelled says CANCELLED when its pod was ended: then the cluster knows why. One that blames its
    builder does not know that it was killed for its memory.
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
    """Boatyard's own order to stop. A Job that succeeded all the same had not waited for too long."""
    if facts.stopped is None or (condition(facts.job, *DONE) and not facts.stopped.cancelled):
        return None
    return facts.stopped.ending


def _silence(facts: EndFacts) -> Ending:
    return next(found for rule in _SILENCE if (found := rule(facts)) is not None)


def _pushed_unseen(facts: EndFacts) -> Ending | None:
    if not condition(facts.job, *DONE):
        return None
    return lifecycle.lost("the Job succeeded, but its pod is gone and the result with it; the registry knows")


def _without_pod(facts: EndFacts) -> Ending | None:
    if facts.pod is not None:
        return None
    reason, message = facts.failed
    if reason != "DeadlineExceeded":
        return lifecycle.lost(f"its pod is gone, deleted or lost with its node ({message or reason or 'no reason'})")
    text = "the Job took longer than its deadline and was ended by the cluster"
    if facts.build.started_at is None:
        text = "the Job passed its deadline; its pod is gone, so it is not known whether it ever ran"
    return Ending(state=State.TIMED_OUT, code=Code.TIMED_OUT, message=text)


def _out_of_memory(facts: EndFacts) -> Ending | None:
    """What the job reported of the user's own error counts for more."""
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
    return lifecycle.lost("its pod was told to stop, and not by Boatyard: somebody deleted it")


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
"""What the cluster knows of a job without a result that counts. The first that knows an answer decides."""
