"""Reads a build's log page by page from the build service."""

from typing import Final

from boatyard.build import Build
from boatyard.errors import BoatyardError, invalid
from boatyard.ports import LogPage
from boatyard.timespan import lasts
from boatyard_serverless.builds.record import BucketRecord
from boatyard_serverless.ports import BuildService

END: Final = "boatyard: end of log"
"""The job's last line. Services deliver logs late, so an ended build alone says nothing about its log."""
_LATE_SECONDS: Final = 30.0


def page(service: BuildService, record: BucketRecord, cursor: str, *, now: float) -> LogPage:
    """Returns one page. Raises INVALID_SPEC for a cursor that is not the service's, or has expired."""
    build = record.build
    over = (build.state.ended and build.started_at is None) or _is_late(build, now)
    found = service.log(record.execution, cursor) if record.execution else None
    if found is None:
        return LogPage((), cursor, over)
    lines = tuple(line for line in found.lines if line != END)
    return LogPage(lines, found.cursor, END in found.lines or (not found.lines and over))


def foreign_cursor(cursor: str) -> BoatyardError:
    """For a cursor of another form than the service's."""
    return invalid(f"{cursor[:40]!r} was not issued here", field="cursor")


def expired_cursor() -> BoatyardError:
    return invalid("this cursor is no longer valid; begin with an empty one", field="cursor")


def _is_late(build: Build, now: float) -> bool:
    return build.finished_at is not None and not lasts(build.finished_at, now, _LATE_SECONDS)
