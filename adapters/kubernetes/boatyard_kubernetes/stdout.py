"""Reads a job's log and progress from its pod's log.

It has one JSON object per line: {"t": seconds, "line": text} as in the job's log file, or {"progress": JobProgress}.
Other lines are passed on unchanged: errors of Python itself, or of the container runtime.
"""

from typing import Final

import msgspec

from boatyard.decoding import Undecodable, decode_json, decoder
from boatyard.job import JobProgress

TAIL_LINES: Final = 200
"""The job repeats its progress at least every hundred lines, so this many lines contain it."""


class _Row(msgspec.Struct):
    line: str | None = None
    progress: JobProgress | None = None


_ROW: Final = decoder(_Row)


def line_of(row: str) -> str | None:
    """The log line of a row; None for other rows."""
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
