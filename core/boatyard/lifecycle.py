"""From one state of a build to the next. Pure; every runner takes the same steps, so all tell the same.

queued -> running -> (progressed …) -> finished
                                    -> ended, when the job left no result
                                    -> cancelled, when that was asked for while it ran, whatever its job writes
"""

import msgspec

from boatyard.build import Build, Failure, State, Step
from boatyard.errors import CODES, BoatyardError, Code
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
    """The build with what its job has told so far. A phase without an end is the one that lasts.

    One whose job waits for a BuildKit is QUEUED, and its step says for what.
    """
    if progress.waiting:
        step = Step(number=0, total=0, title=f"waiting: {progress.waiting}")
        return msgspec.structs.replace(build, state=State.QUEUED, phase=None, phases=progress.phases, step=step)
    lasting = [time.phase for time in progress.phases if time.seconds is None]
    return msgspec.structs.replace(
        build, phase=lasting[-1] if lasting else None, phases=progress.phases, step=progress.step
    )


def finished(build: Build, result: JobResult, *, now: float) -> Build:
    """The end that the job told. A result that contradicts itself counts as none: BUILDER_LOST."""
    if not result.state.ended:
        return ended(build, State.ERRORED, Code.BUILDER_LOST, f"the job's result says {result.state}", now=now)
    if result.state is not State.SUCCEEDED:
        error = result.error or failure(Code.BUILDER_LOST, f"the job ended as {result.state} and did not say why")
        return _end(build, result, now, error=error)
    try:
        image = Reference.parse(f"{build.target}@{result.digest}")
    except BoatyardError:
        detail = f"the job's result has no digest but {result.digest!r}"
        return ended(build, State.ERRORED, Code.BUILDER_LOST, detail, now=now)
    return _end(build, result, now, image=str(msgspec.structs.replace(image, tag=None)))


def ended(build: Build, state: State, code: Code, message: str, *, now: float, log_tail: tuple[str, ...] = ()) -> Build:
    """An end that the runner tells, because the job cannot."""
    return msgspec.structs.replace(
        build,
        state=state,
        finished_at=_end_time(build, now),
        phase=None,
        step=None,
        error=failure(code, message, log_tail),
    )


def cancelled(build: Build, *, now: float, result: JobResult | None = None) -> Build:
    """The end of a build whose cancel was asked for before it ended. It decides before anything else that is known: of
    `result`, which the job may write all the same, only the times of its phases are kept."""
    if result is not None and result.phases:
        build = msgspec.structs.replace(build, phases=result.phases)
    return ended(build, State.CANCELLED, Code.CANCELLED, "the build was cancelled", now=now)


def failure(code: Code, message: str, log_tail: tuple[str, ...] = ()) -> Failure:
    meaning = CODES[code]
    return Failure(code=code, message=message, advice=meaning.advice, retryable=meaning.retryable, log_tail=log_tail)


def _end(
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
    """No build ends before it began, though the clock was set back or another machine's is behind."""
    return max(now, build.started_at or build.created_at)
