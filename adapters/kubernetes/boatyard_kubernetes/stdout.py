"""What a job writes to its pod's log, and how it is read back.

One JSON object a line: {"t": seconds, "line": text} as in its own log file, or {"progress": JobProgress}. What
is neither is passed on as it is: Python's own last words, or the container runtime's.
"""

from typing import Final

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard.job import JobProgress

TAIL_LINES: Final = 200
"""The job repeats its progress at least every hundred lines, so this many hold it."""


class _Row(msgspec.Struct):
    line: str | None = None
    progress: JobProgress | None = None


_ROW: Final = msgspec.json.Decoder(_Row)


def line_of(row: str) -> str | None:
    """The line that people read; None for a row that is none of theirs."""
    if not row.startswith("{"):
        return row
    try:
        found = decode_json(row, _ROW)
    except Undecodable:
        return row
    if found.progress is not None:
        return None
    return found.line if found.line is not None else row


def text_of(log: str) -> str:
    return "\n".join(line for row in log.splitlines() if (line := line_of(row)) is not None)


def last_progress(log: str) -> JobProgress | None:
    for row in reversed(log.splitlines()):
        if row.startswith('{"progress"'):
            try:
                return decode_json(row, _ROW).progress
            except Undecodable:
                continue  # cut off
    return None
