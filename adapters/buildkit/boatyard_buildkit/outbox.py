"""Reads and writes the folder that a job reports to, while the job still runs.

progress.json   JobProgress, replaced as a whole
log.jsonl       one {"t": seconds since 1970, "line": text} per line, append-only
result.json     JobResult, written once and last; without it the job still runs, or was killed
work/           the job's own files, removed when it ends
"""

import os
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard.job import JobProgress, JobResult

PROGRESS: Final = "progress.json"
LOG: Final = "log.jsonl"
RESULT: Final = "result.json"
WORK: Final = "work"

_Document = TypeVar("_Document", bound=msgspec.Struct)

_MOST_BYTES: Final = 256 * 1024
"""The largest page of a log in bytes."""


class LogLine(msgspec.Struct, frozen=True):
    t: float
    line: str


class LogSlice(msgspec.Struct, frozen=True):
    lines: tuple[LogLine, ...]
    offset: int
    """Number of bytes read, where the next slice starts."""


def read_result(folder: Path) -> JobResult | None:
    """The result; None while the job runs, or if it was killed."""
    return _read(folder / RESULT, JobResult)


def read_progress(folder: Path) -> JobProgress:
    return _read(folder / PROGRESS, JobProgress) or JobProgress()


def read_log(folder: Path, offset: int = 0, *, most_bytes: int = _MOST_BYTES) -> LogSlice:
    """Whole lines from a byte offset on, without a line that is still being written."""
    try:
        with (folder / LOG).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            if not 0 <= offset < size:
                return LogSlice((), max(min(offset, size), 0))
            file.seek(offset)
            data = file.read(most_bytes)
            end = data.rfind(b"\n") + 1
            if not end and len(data) == most_bytes:
                data += file.readline()
                end = len(data) if data.endswith(b"\n") else 0
    except FileNotFoundError:
        return LogSlice((), 0)
    lines = (_line(row) for row in data[:end].splitlines())
    return LogSlice(tuple(line for line in lines if line is not None), offset + end)


def write(path: Path, document: msgspec.Struct, *, durable: bool = True) -> None:
    """Replaces a document atomically. `durable`: the new one survives a crash of the machine."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    with scratch.open("wb") as file:
        file.write(msgspec.json.encode(document))
        if durable:
            file.flush()
            os.fsync(file.fileno())
    scratch.replace(path)


def _read(path: Path, kind: type[_Document]) -> _Document | None:
    try:
        return decode_json(path.read_bytes(), kind)
    except (FileNotFoundError, Undecodable):
        return None


def _line(row: bytes) -> LogLine | None:
    try:
        return decode_json(row, LogLine)
    except Undecodable:
        return None  # incomplete after a kill in the middle of a write
