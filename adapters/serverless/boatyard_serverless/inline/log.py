"""The log of a build that a function carries out: parts in the bucket, because an object cannot grow.

A cursor is the name of the last part that was read.
"""

import re
import time
from collections.abc import Callable, Sequence
from typing import Final

from boatyard.errors import BoatyardError, Code
from boatyard_serverless import keys
from boatyard_serverless.builds.log import END, foreign_cursor
from boatyard_serverless.ports import Bucket, RawLog

_CURSOR: Final = re.compile(r"[0-9]{2}-[0-9]{6}\Z", re.ASCII)
_PART_SECONDS: Final = 2.0
_PART_BYTES: Final = 64 * 1024
_PARTS_A_PAGE: Final = 20
_MOST_BYTES: Final = 16 * 1024 * 1024
"""Of one build. Its function keeps what is not yet written in memory."""


class InlineLogWriter:
    """Writes the log of one function's work on a build. `taken` says which function it is."""

    def __init__(self, bucket: Bucket, build_id: str, taken: int, *, now: Callable[[], float] = time.monotonic) -> None:
        self._bucket = bucket
        self._folder = keys.inline_log(build_id)
        self._taken = taken
        self._now = now
        self._part = 0
        self._waiting: list[str] = []
        self._bytes = self._written = 0
        self._at = float("-inf")

    def write(self, lines: Sequence[str]) -> None:
        """Keeps lines that the bucket does not take for the next call."""
        for line in lines:
            size = len(line.encode(errors="replace")) + 1
            if self._written + self._bytes + size > _MOST_BYTES:
                continue
            self._waiting.append(line)
            self._bytes += size
        if self._bytes >= _PART_BYTES or (self._waiting and self._now() - self._at >= _PART_SECONDS):
            self._flush()

    def close(self) -> None:
        """Writes the rest, and the line that says that there is no more."""
        self._flush()
        self._put([END])

    def _flush(self) -> None:
        if self._waiting and self._put(self._waiting):
            self._written += self._bytes
            self._waiting, self._bytes = [], 0

    def _put(self, lines: Sequence[str]) -> bool:
        self._at = self._now()
        key = f"{self._folder}{self._taken:02d}-{self._part:06d}"
        try:
            self._bucket.put(key, "".join(f"{line}\n" for line in lines).encode(errors="replace"))
        except BoatyardError as error:
            if error.code != Code.DATAPLANE_UNAVAILABLE:
                raise
            return False
        self._part += 1
        return True


def read_log(bucket: Bucket, build_id: str, cursor: str) -> RawLog | None:
    """The port's `log`. Raises INVALID_SPEC for a cursor that was not issued here."""
    if cursor and not _CURSOR.match(cursor):
        raise foreign_cursor(cursor)
    folder = keys.inline_log(build_id)
    lines: list[str] = []
    size, is_there = 0, bool(cursor)
    for number, key in enumerate(bucket.keys(folder, after=f"{folder}{cursor}" if cursor else "", page=_PARTS_A_PAGE)):
        if number == _PARTS_A_PAGE or size >= _PART_BYTES * 4:
            break
        stored = bucket.get(key)
        found = stored.body.decode(errors="replace").split("\n")[:-1] if stored else []
        is_there = True
        lines += found
        size += len(stored.body) if stored else 0
        if found == [END]:
            break  # the next question begins with it, and so learns again that there is no more
        cursor = key.removeprefix(folder)
    return RawLog(tuple(lines), cursor) if is_there else None
