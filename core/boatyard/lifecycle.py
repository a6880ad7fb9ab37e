"""The states of a build and the transitions between them, for every runner.

queued -> running -> (progressed …) -> concluded
"""

from collections.abc import Callable
from typing import Final

import msgspec

from boatyard.build import Build, Failure, State, Step
from boatyard.errors import CODES, BoatyardError, Code, bounded
from boatyard.job import BuildJob, JobProgress, JobResult
from boatyard.reference import Reference


def queued(job: BuildJob, *, now: float) -> Build:
    return Build(
        id=job.id,
        key=job.key,
        attempt=job.attempt,
        target=job.target,
        project=job.project,
        domain=job.domain,
        platforms=job.platforms,
        state=State.QUEUED,
        created_at=now,
    )


def running(build: Build, *, now: float) -> Build:
    return msgspec.structs.replace(build, state=State.RUNNING, started_at=max(now, build.created_at))


def progressed(build: Build, progress: JobProgress) -> Build:
    """The build with its job's latest progress. The phase without an end is the current one.

    A build whose job waits for BuildKit is QUEUED, and its step has the reason.
    """
    if progress.waiting:
        step = Step(number=0, total=0, title=f"waiting: {progress.waiting}")
        return msgspec.structs.replace(build, state=State.QUEUED, phase=None, phases=progress.phases, step=step)
    lasting = [time.phase for time in progress.phases if time.seconds is None]
    return msgspec.structs.replace(
        build, phase=lasting[-1] if lasting else None, phases=progress.phases, step=progress.step
    )


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """An end that the job did not report itself, with the runner's reason."""

    state: State
    code: Code
    message: str
    log_tail: tuple[str, ...] = ()
    at: float | None = None
    """When the build ended, if known more precisely than by the time of this look; seconds since 1970."""


CANCEL: Final = Ending(state=State.CANCELLED, code=Code.CANCELLED, message="the build was cancelled")


def lost(message: str, log_tail: tuple[str, ...] = ()) -> Ending:
    return Ending(state=State.ERRORED, code=Code.BUILDER_LOST, message=message, log_tail=log_tail)


def conclude(
    build: Build, *, result: JobResult | None, stop: Ending | None, silence: Callable[[], Ending], now: float
) -> Build:
    """The ended build. The first applicable rule decides:

    1. `stop` is a cancel: only the times of the phases are taken from the job's result.
    2. `result` is a success: the image is in the registry, even if the runner wanted to stop the job.
    3. `stop`: the runner ended the job, because it ran or waited for too long.
    4. `result`: the job reported another end.
    5. `silence()`: the job reported nothing, and this is the runner's explanation.

    A result that contradicts itself is BUILDER_LOST.
    """
    cancelled = stop is not None and stop.state is State.CANCELLED
    if result is not None and not cancelled and (stop is None or result.state is State.SUCCEEDED):
        return _reported(build, result, now)
    if result is not None and result.phases:
        build = msgspec.structs.replace(build, phases=result.phases)
    return ended(build, stop or silence(), now=now)


def ended(build: Build, ending: Ending, *, now: float) -> Build:
    """Ends a build without its job's result."""
    return msgspec.structs.replace(
        build,
        state=ending.state,
        finished_at=_end_time(build, now if ending.at is None else ending.at),
        phase=None,
        step=None,
        error=failure(ending.code, ending.message, ending.log_tail),
    )


def failure(code: Code, message: str, log_tail: tuple[str, ...] = ()) -> Failure:
    meaning = CODES[code]
    return Failure(
        code=code, message=bounded(message), advice=meaning.advice, retryable=meaning.retryable, log_tail=log_tail
    )


def _reported(build: Build, result: JobResult, now: float) -> Build:
    if not result.state.ended:
        return ended(build, lost(f"the job's result says {result.state}"), now=now)
    if result.state is not State.SUCCEEDED:
        error = result.error or failure(Code.BUILDER_LOST, f"the job ended as {result.state} and did not say why")
        return _finished(build, result, now, error=error)
    try:
        image = Reference.parse(f"{build.target}@{result.digest}")
    except BoatyardError:
        return ended(build, lost(f"the job's result has no digest but {result.digest!r}"), now=now)
    return _finished(build, result, now, image=str(msgspec.structs.replace(image, tag=None)))


def _finished(
    build: Build, result: JobResult, now: float, *, image: str | None = None, error: Failure | None = None
) -> Build:
    return msgspec.structs.replace(
        build,
        state=result.state,
        finished_at=_end_time(build, now),
        phase=None,
        phases=result.phases,
        step=None,
        image=image,
        error=error,
    )


def _end_time(build: Build, now: float) -> float:
    """The time of the end, never before the start, even if a clock was set back or another machine's is slow."""
    return max(now, build.started_at or build.created_at)
