"""Decides how a build ended from the files of its job."""

import shutil
from pathlib import Path
from typing import Final

from boatyard import lifecycle
from boatyard.build import Build, State
from boatyard.errors import Code
from boatyard.lifecycle import Ending
from boatyard_local.jobs import log_page
from boatyard_local.jobs.record import FolderRecord, read_progress, read_result
from boatyard_local.state import BuildFolder

_TAIL_LINES: Final = 40
_FULL_BYTES: Final = 1024**2
"""With less free space than this, a job that ended without a result most likely failed for lack of space."""


def conclude(record: FolderRecord, folder: BuildFolder, *, started: bool, exit: str, now: float) -> Build:
    """The ended build. `started` is False if the process never executed the job; `exit` describes how the process
    ended."""
    build, result = record.build, read_result(folder)
    if progress := read_progress(folder):
        build = lifecycle.progressed(build, progress)

    def silence() -> Ending:
        if _is_full(folder.path):
            return Ending(
                state=State.ERRORED,
                code=Code.DISK_FULL,
                message="the disk of the builder is full, and the job ended without a result",
                log_tail=_tail(folder),
            )
        return lifecycle.lost(
            f"the job {'ended without a result' if started else 'could not be started'}{exit}", _tail(folder)
        )

    return lifecycle.conclude(
        build,
        result=result,
        stop=_stop(record, folder),
        silence=silence,
        now=_written(folder.result, now) if result else now,
    )


def _stop(record: FolderRecord, folder: BuildFolder) -> Ending | None:
    if record.ending is None:
        return None
    if record.ending is State.CANCELLED:
        return lifecycle.CANCEL
    message = f"the build took longer than {record.timeout_seconds} seconds"
    return Ending(state=record.ending, code=Code.TIMED_OUT, message=message, log_tail=_tail(folder))


def _tail(folder: BuildFolder) -> tuple[str, ...]:
    return log_page.tail(folder.log, _TAIL_LINES) or log_page.text_tail(folder.output, _TAIL_LINES)


def _written(path: Path, now: float) -> float:
    """When the job ended, which may be before a server's restart."""
    try:
        return min(path.stat().st_mtime, now)
    except OSError:
        return now


def _is_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path).free < _FULL_BYTES
    except OSError:
        return False
