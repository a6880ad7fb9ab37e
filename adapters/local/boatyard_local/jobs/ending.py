"""How a build ended, told from what its job left behind."""

import shutil
from pathlib import Path
from typing import Final

import msgspec

from boatyard import lifecycle
from boatyard.build import Build, State
from boatyard.errors import Code
from boatyard_local.jobs import log_page
from boatyard_local.jobs.record import Record, read_progress, read_result
from boatyard_local.state import BuildFolder

_TAIL_LINES: Final = 40
_FULL_BYTES: Final = 1024**2
"""With less space than this, a job that ended without a word most likely ended for want of it."""


def conclude(record: Record, folder: BuildFolder, *, started: bool, exit: str, now: float) -> Build:
    """The build at its end. `started` false: the process never became the job; `exit` says how it ended."""
    build, ending = record.build, record.ending
    if progress := read_progress(folder):
        build = lifecycle.progressed(build, progress)
    result = read_result(folder)
    if ending is State.CANCELLED:
        return lifecycle.cancelled(build, result=result, now=now)
    if result is not None and (ending is None or result.state is State.SUCCEEDED):
        return lifecycle.finished(build, result, now=_written(folder.result, now))
    if result is not None:
        build = msgspec.structs.replace(build, phases=result.phases)
    tail = log_page.tail(folder.log, _TAIL_LINES) or log_page.text_tail(folder.output, _TAIL_LINES)
    if ending is State.TIMED_OUT:
        message = f"the build took longer than {record.timeout_seconds} seconds"
        return lifecycle.ended(build, ending, Code.TIMED_OUT, message, now=now, log_tail=tail)
    if _is_full(folder.path):
        message = "the disk of the builder is full, and the job ended without a result"
        return lifecycle.ended(build, State.ERRORED, Code.DISK_FULL, message, now=now, log_tail=tail)
    message = f"the job {'ended without a result' if started else 'could not be started'}{exit}"
    return lifecycle.ended(build, State.ERRORED, Code.BUILDER_LOST, message, now=now, log_tail=tail)


def _written(path: Path, now: float) -> float:
    """When the job ended, though the server may see it only after its own restart."""
    try:
        return min(path.stat().st_mtime, now)
    except OSError:
        return now


def _is_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path).free < _FULL_BYTES
    except OSError:
        return False
