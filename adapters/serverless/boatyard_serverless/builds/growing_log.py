"""Pages of a log that a build service keeps in one growing object, such as a blob. A cursor is an offset."""

import re
from collections.abc import Callable
from typing import Final

from boatyard_serverless.builds.log import END, expired_cursor, foreign_cursor
from boatyard_serverless.ports import RawLog

BEGIN: Final = "boatyard: begin of log"
"""The job's first line. Before it and after END are the build service's own lines."""
_CURSOR: Final = re.compile(r"[1-9][0-9]{0,14}\Z", re.ASCII)
_PAGE_BYTES: Final = 256 * 1024


class BeyondTheEnd(Exception):
    """The object exists and has fewer bytes."""


Read = Callable[[int, int], bytes | None]
"""Returns the bytes from an offset to another, both included, as in a Range header; fewer if there are no more, None
while there is no log. Raises BeyondTheEnd if the first one is behind the end."""


def growing_page(read: Read, cursor: str) -> RawLog | None:
    """The port's `log`. Raises INVALID_SPEC for a cursor that was not issued here."""
    if cursor and not _CURSOR.match(cursor):
        raise foreign_cursor(cursor)
    start = int(cursor or 0)
    found = _from(read, start)
    if found is None:
        return None
    is_full = len(found) >= _PAGE_BYTES - 1
    lines = _lines(found, cut=is_full)
    if not start:
        begin = next((end for line, end in lines if line == BEGIN), None)
        if begin is None:
            return None
        start, lines = begin, _lines(found[begin:], cut=is_full)
    end = start
    kept: list[str] = []
    for line, after in lines:
        kept.append(line)
        if line == END:  # the next question begins with it, and so learns again that there is no more
            return RawLog(tuple(kept), str(end))
        end = start + after
    return RawLog(tuple(kept), str(end))


def _from(read: Read, start: int) -> bytes | None:
    before = max(start - 1, 0)  # the byte before has to be there: else nobody gave out this cursor
    try:
        found = read(before, before + _PAGE_BYTES - 1)
    except BeyondTheEnd:
        if start:
            raise expired_cursor() from None
        return None
    return found if found is None else found[start - before :]


def _lines(text: bytes, *, cut: bool) -> list[tuple[str, int]]:
    """Whole lines, each with the offset after it. `cut`: one that fills the page is given in parts."""
    lines: list[tuple[str, int]] = []
    start = 0
    while (end := text.find(b"\n", start)) >= 0:
        lines.append((text[start:end].rstrip(b"\r").decode(errors="replace"), end + 1))
        start = end + 1
    if not lines and cut and text:
        lines.append((text.decode(errors="replace"), len(text)))
    return lines
