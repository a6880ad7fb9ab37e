"""What the server writes down about a build, and how it reads what the job writes."""

from pathlib import Path
from typing import TypeVar

import msgspec

from boatyard.build import Build, State
from boatyard.job import BuildJob, JobProgress, JobResult
from boatyard_local.state import BuildFolder

T = TypeVar("T")


class Record(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """record.json. Unknown fields are ignored, so that an older server can read a newer one's."""

    number: int
    """Counts the builds of a state folder: the order of the queue and of lists."""
    build: Build
    timeout_seconds: int
    context: str = ""
    """sha256 of the context that the job reads, if any."""
    ending: State | None = None
    """CANCELLED or TIMED_OUT: the job was told to stop, and this is why."""

    @classmethod
    def of(cls, number: int, build: Build, job: BuildJob) -> "Record":
        return cls(
            number=number,
            build=build,
            timeout_seconds=job.timeout_seconds,
            context=job.context.context.sha256 if job.context else "",
        )


def read_progress(folder: BuildFolder) -> JobProgress | None:
    return read(folder.progress, JobProgress)


def read_result(folder: BuildFolder) -> JobResult | None:
    """What the job told at its end; None if it did not come that far."""
    return read(folder.result, JobResult)


def read(path: Path, kind: type[T]) -> T | None:
    """A document; None if it is not there or not whole, which is the same to all who ask."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
