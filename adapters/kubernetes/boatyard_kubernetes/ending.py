"""How a build ended, told from its Job and the pods it left: one order of precedence, for the time before the Job
controller has said its word and after.

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
from boatyard_kubernetes.end_facts import DONE, FAILED, EndFacts
from boatyard_kubernetes.facts import condition, terminated
from boatyard_kubernetes.pod import DAEMON
from boatyard_kubernetes.stopping import Stopped


class Outcome(msgspec.Struct, frozen=True):
    build: Build
    final: bool = False
    """Whether it holds before the Job has a condition: nothing that is still to come changes it."""


def conclude(build: Build, job: Job, pods: list[Pod], stopped: Stopped | None, *, now: float) -> Build | None:
    """The build at its end; None if it is too early to tell how it ended. `pods` oldest first, of which the last has
    ended; `build` with the progress that is known."""
    facts = EndFacts.of(build, job, pods, stopped, now=now)
    over = condition(job, *DONE, *FAILED) is not None
    outcome = next(found for rule in ORDER if (found := rule(facts)) is not None)
    return outcome.build if over or outcome.final else None


def stop(build: Build, stopped: Stopped, result: JobResult | None = None) -> Build:
    if stopped.cancelled:
        return lifecycle.cancelled(build, result=result, now=stopped.at)
    return lifecycle.ended(build, State.ERRORED, stopped.code, stopped.message, now=stopped.at)


def _cancelled(facts: EndFacts) -> Outcome | None:
    """Whatever the job wrote, and whether it pushed."""
    if facts.stopped is None or not facts.stopped.cancelled:
        return None
    return Outcome(stop(facts.build, facts.stopped, facts.result), final=True)


def _pushed(facts: EndFacts) -> Outcome | None:
    """The image is there, though the cluster or Boatyard wanted to stop a pod that waited too long."""
    if facts.result is None or facts.result.state is not State.SUCCEEDED:
        return None
    return Outcome(lifecycle.finished(facts.build, facts.result, now=facts.at), final=True)


def _pushed_unseen(facts: EndFacts) -> Outcome | None:
    if not condition(facts.job, *DONE):
        return None
    return _lost(facts, "the Job succeeded, but its pod is gone and the result with it; the registry knows")


def _stopped(facts: EndFacts) -> Outcome | None:
    """By Boatyard, because its pod waited too long."""
    return Outcome(stop(facts.build, facts.stopped), final=True) if facts.stopped else None


def _without_pod(facts: EndFacts) -> Outcome | None:
    if facts.pod is not None:
        return None
    reason, message = facts.failed
    if reason == "DeadlineExceeded":
        text = "the Job took longer than its deadline and was ended by the cluster"
        if facts.build.started_at is None:
            text = "the Job passed its deadline; its pod is gone, so it is not known whether it ever ran"
        return Outcome(facts.ended(State.TIMED_OUT, Code.TIMED_OUT, text))
    return _lost(facts, f"its pod is gone, deleted or lost with its node ({message or reason or 'no reason'})")


def _out_of_memory(facts: EndFacts) -> Outcome | None:
    """What the job told of the user's own error counts for more."""
    if facts.pod is None or not (facts.result is None or facts.blames_builder) or not facts.killed_for_memory:
        return None
    who, setting = ("buildkitd", "limits") if facts.killed_for_memory == DAEMON else ("the job", "jobLimits")
    text = f"{who} ran out of memory and was killed; raise kubernetes.{setting}"
    return Outcome(facts.ended(State.FAILED, Code.OUT_OF_MEMORY, text, facts.words), final=not facts.disruption)


def _told(facts: EndFacts) -> Outcome | None:
    """A job that nobody cancelled says CANCELLED when its pod was told to stop: then the cluster knows why."""
    result = facts.result
    if result is None or facts.pod is None or not result.state.ended or result.state is State.CANCELLED:
        return None
    if facts.blames_builder and result.error and (words := facts.sidecars_words):
        error = msgspec.structs.replace(result.error, message=f"{result.error.message} ({words})")
        result = msgspec.structs.replace(result, error=error)
    # A disrupted pod is replaced, whatever it told. How a buildkitd beside the job ended is known a moment later.
    final = not facts.disruption and not (facts.blames_builder and facts.has_sidecar)
    return Outcome(lifecycle.finished(facts.build, result, now=facts.at), final=final)


def _past_deadline(facts: EndFacts) -> Outcome | None:
    if facts.failed[0] != "DeadlineExceeded":
        return None
    text = "the Job took longer than its deadline and was ended by the cluster"
    return Outcome(facts.ended(State.TIMED_OUT, Code.TIMED_OUT, text, facts.words))


def _disrupted(facts: EndFacts) -> Outcome | None:
    if not facts.disruption:
        return None
    return Outcome(facts.ended(State.ERRORED, Code.EVICTED, f"its pod was taken away: {facts.disruption}", facts.words))


def _never_ran(facts: EndFacts) -> Outcome | None:
    if facts.pod is None or terminated(facts.pod) is not None:
        return None
    reason, message = facts.failed
    status = facts.pod.status
    why = (status and status.message) or facts.sidecars_words or message or reason or "no reason given"
    return Outcome(facts.ended(State.ERRORED, Code.DATAPLANE_UNAVAILABLE, f"its pod never ran: {why}"))


def _told_to_stop(facts: EndFacts) -> Outcome | None:
    if facts.result is None:
        return None
    return _lost(facts, "its pod was told to stop, and not by Boatyard: somebody deleted it")


def _without_result(facts: EndFacts) -> Outcome:
    end = terminated(facts.pod) if facts.pod else None
    assert end is not None  # noqa: S101 - else it never ran, or its pod is gone
    how = f"signal {end.signal}" if end.signal else f"exit code {end.exitCode}"
    detail = f" ({end.reason})" if end.reason and end.reason != "Error" else ""
    return _lost(facts, f"the job ended with {how}{detail} and without a result", facts.words)


ORDER: Final[tuple[Callable[[EndFacts], Outcome | None], ...]] = (
    _cancelled,
    _pushed,
    _pushed_unseen,
    _stopped,
    _without_pod,
    _out_of_memory,
    _told,
    _past_deadline,
    _disrupted,
    _never_ran,
    _told_to_stop,
    _without_result,
)
"""The first that knows an answer decides."""


def _lost(facts: EndFacts, message: str, tail: tuple[str, ...] = ()) -> Outcome:
    return Outcome(facts.ended(State.ERRORED, Code.BUILDER_LOST, message, tail))
