"""The server's record of a build, and the parsing of the job's files."""

from typing import Final

import msgspec

from boatyard.build import Build, BuildId, State
from boatyard.errors import BoatyardError
from boatyard.job import BuildJob, JobProgress, JobResult
from boatyard.policy import check_scope
from boatyard.ports import Scope
from boatyard_local.state import BuildFolder
from boatyard_local.state_file import read

_LARGEST_NUMBER: Final = 10**15
_LATEST: Final = 1e11
"""Seconds since 1970: three thousand years."""
_MOST_JOB_BYTES: Final = 256 * 1024**2
"""The largest Dockerfile that the settings' request limit allows, as JSON."""


class FolderRecord(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """record.json. Unknown fields are ignored, so that an older server can read a newer one's."""

    number: int
    """Counts the builds of a state folder, and sorts the queue and lists."""
    build: Build
    timeout_seconds: int
    context: str = ""
    """The sha256 of the job's context, if any."""
    context_bytes: int = 0
    log_bytes: int = 0
    """The size of the log, once the build has ended."""
    ending: State | None = None
    """CANCELLED or TIMED_OUT, if the job was stopped."""
    started_monotonic: float | None = None
    """The start time by the machine's monotonic clock, which all processes share until a reboot. The wall clock may
    change while a job runs, and its timeout must not depend on that."""

    @property
    def scope(self) -> Scope:
        return Scope(self.build.project, self.build.domain)

    @classmethod
    def of(cls, number: int, build: Build, job: BuildJob) -> "FolderRecord":
        return cls(
            number=number,
            build=build,
            timeout_seconds=job.timeout_seconds,
            context=job.context.context.sha256 if job.context else "",
            context_bytes=job.context.context.size if job.context else 0,
        )


def is_sound(record: FolderRecord, name: str) -> bool:
    """Whether the record belongs to the folder `name` and has only values that a server writes."""
    build = record.build
    times = (build.created_at, build.started_at or 0, build.finished_at or 0, record.started_monotonic or 0)
    return (
        _is_of(build.id, build.attempt, Scope(build.project, build.domain), name)
        and 0 < record.number < _LARGEST_NUMBER
        and record.timeout_seconds > 0
        and record.context_bytes >= 0
        and record.log_bytes >= 0
        and build.state is not State.PENDING
        and build.state.ended == (build.finished_at is not None)
        and all(0 <= time < _LATEST for time in times)
    )


def read_job(folder: BuildFolder) -> BuildJob | None:
    """Reads job.json, if it belongs to this build."""
    job = read(folder.job, BuildJob, _MOST_JOB_BYTES)
    sound = job is not None and _is_of(job.id, job.attempt, Scope(job.project, job.domain), folder.path.name)
    return job if sound else None


def read_progress(folder: BuildFolder) -> JobProgress | None:
    return read(folder.progress, JobProgress)


def read_result(folder: BuildFolder) -> JobResult | None:
    """The job's result; None without one."""
    return read(folder.result, JobResult)


def _is_of(build_id: str, attempt: int, scope: Scope, name: str) -> bool:
    parsed = BuildId.parse(name)
    if build_id != name or parsed is None or parsed.attempt != attempt:
        return False
    try:
        check_scope(scope)  # the scope becomes part of a path
    except BoatyardError:
        return False
    return True
