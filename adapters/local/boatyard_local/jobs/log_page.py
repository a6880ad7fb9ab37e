"""Reads a build's log page by page. A cursor is an offset in bytes; the format is `boatyard_buildkit.outbox`'s."""

from pathlib import Path
from typing import IO, Final

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard.paging import position
from boatyard.ports import LogPage
from boatyard_buildkit.outbox import LogLine
from boatyard_local.state_file import opened

_LINE: Final = msgspec.json.Decoder(LogLine)
_PAGE_BYTES: Final = 256 * 1024
_MOST_SKIPPED: Final = 64 * 1024**2
_TAIL_BYTES: Final = 64 * 1024


def read_page(path: Path, cursor: str, *, ended: bool) -> LogPage:
    """Whole lines from the cursor on. `ended` must have been true before this call: then nothing more
    is written, and what a kill left of a last line is passed over.

    Raises INVALID_SPEC for a cursor that lies beyond the end or is no offset at all.
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
    """How many bytes of an endless row can be passed over now. No job of ours writes one, but a disk may hold it."""
    skipped = 0
    while skipped < _MOST_SKIPPED and (piece := file.read(_PAGE_BYTES)):
        if end := piece.find(b"\n") + 1:
            return skipped + end
        skipped += len(piece)
    return skipped


def size(path: Path) -> int:
    """Bytes of a log; 0 if there is none."""
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def tail(path: Path, lines: int) -> tuple[str, ...]:
    """The last lines of a job's log; empty if there is none."""
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
        return None  # the first or the last row of a piece: torn by a kill, or by a cursor from nowhere
