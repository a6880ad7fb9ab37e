"""Joins pieces of a program's output to whole lines."""

from collections.abc import Iterator
from typing import Final

_LONGEST: Final = 64 * 1024


class LineJoiner:
    """Joins the pieces of each stream. For a line that a progress bar overwrites, the last state counts."""

    def __init__(self) -> None:
        self._open: dict[int, bytearray] = {}
        self._skipping: set[int] = set()

    def feed(self, stream: int, data: bytes) -> Iterator[str]:
        buffer = self._open.setdefault(stream, bytearray())
        *whole, rest = data.split(b"\n")
        for part in whole:
            buffer += part
            if stream in self._skipping:
                self._skipping.discard(stream)
            else:
                yield _shown(buffer)
            buffer.clear()
        buffer += rest
        if len(buffer) > _LONGEST:
            if stream not in self._skipping:
                yield _shown(buffer)
            # The rest of an endless line is dropped, and not shown as additional lines.
            self._skipping.add(stream)
            buffer.clear()

    def close(self) -> Iterator[str]:
        for stream, buffer in self._open.items():
            if buffer and stream not in self._skipping:
                yield _shown(buffer)
            buffer.clear()


def _shown(line: bytearray) -> str:
    text = bytes(line).decode("utf-8", "replace").rstrip("\r")
    return text.rpartition("\r")[2]
