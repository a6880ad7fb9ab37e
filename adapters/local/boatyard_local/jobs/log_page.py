"""Reads a build's log page by page. A cursor is an offset in bytes; the format is `boatyard_buildkit.outbox`'s."""

from pathlib import Path
from typing import IO, Final

from boatyard.decoding import Undecodable, decode_json, decoder
from boatyard.paging import position
from boatyard.ports import LogPage
from boatyard_buildkit.outbox import LogLine
from boatyard_local.state_file import opened

_LINE: Final = decoder(LogLine)
_PAGE_BYTES: Final = 256 * 1024
_MOST_SKIPPED: Final = 64 * 1024**2
_TAIL_BYTES: Final = 64 * 1024


def read_page(path: Path, cursor: str, *, ended: bool) -> LogPage:
    """Returns whole lines after the cursor. `ended` must have been True before this call: then nothing more is written,
    and the incomplete last line of a killed job is skipped.

    Raises INVALID_SPEC for a malformed cursor, or one beyond the end.
    """
    try:
        with opened(path) as file:
            size = file.seek(0, 2)
            start = position(cursor, field="cursor", largest=size)
            file.seek(start)
            data = file.read(min(_PAGE_BYTES, size - start))
            kept = data.rfind(b"\n") + 1
            if len(data) == _PAGE_BYTES and not kept:
                kept = _PAGE_BYTES + _skip(file)
    except OSError:
        return LogPage((), str(position(cursor, field="cursor", largest=0)), ended)
    if ended and start + len(data) == size:
        kept = len(data)
    return LogPage(_lines(data[:kept]), str(start + kept), ended and start + kept == size)


def _skip(file: IO[bytes]) -> int:
    """The length of an overlong row that can be skipped now. No job writes one, but a damaged file may contain it."""
    skipped = 0
    while skipped < _MOST_SKIPPED and (piece := file.read(_PAGE_BYTES)):
        if end := piece.find(b"\n") + 1:
            return skipped + end
        skipped += len(piece)
    return skipped


def size(path: Path) -> int:
    """The bytes of a log; 0 without one."""
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def tail(path: Path, lines: int) -> tuple[str, ...]:
    """The last lines of a job's log; empty without one."""
    return _lines(_end(path))[-lines:]


def text_tail(path: Path, lines: int) -> tuple[str, ...]:
    """The last lines of a plain text file, such as a job's stderr."""
    return tuple(_end(path).decode("utf-8", "replace").splitlines()[-lines:])


def _end(path: Path) -> bytes:
    try:
        with opened(path) as file:
            file.seek(max(0, file.seek(0, 2) - _TAIL_BYTES))
            return file.read()
    except OSError:
        return b""


def _lines(data: bytes) -> tuple[str, ...]:
    return tuple(line.line for row in data.split(b"\n") if (line := _line(row)))


def _line(row: bytes) -> LogLine | None:
    try:
        return decode_json(row, _LINE)
    except Undecodable:
        return None  # the first or last row of a page, incomplete because of a kill or an arbitrary cursor
