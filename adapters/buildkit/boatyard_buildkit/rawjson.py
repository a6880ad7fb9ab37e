"""Parses BuildKit's progress in rawjson format (buildx 0.13 and later, buildctl 0.13 and later).

buildx 0.13 indents its objects over many lines, later versions write one per line; the final error is plain text in
between. A program that dies leaves half an object.
"""

import base64
import binascii
from collections.abc import Iterator
from typing import Final

import msgspec

from boatyard.decoding import decoder

_LARGEST_OBJECT: Final = 8 * 1024**2
_LONGEST_LINE: Final = 64 * 1024


class Vertex(msgspec.Struct, frozen=True):
    digest: str
    name: str = ""
    started: str | None = None
    completed: str | None = None
    cached: bool = False
    error: str = ""


class Status(msgspec.Struct, frozen=True):
    id: str
    vertex: str
    completed: str | None = None


class LogPiece(msgspec.Struct, frozen=True):
    vertex: str
    stream: int = 1
    data: str = ""

    def text(self) -> bytes:
        try:
            return base64.b64decode(self.data)
        except (binascii.Error, ValueError):
            return b""


class Warn(msgspec.Struct, frozen=True):
    short: str = ""


class Update(msgspec.Struct, frozen=True):
    """One object of the stream."""

    vertexes: tuple[Vertex, ...] | None = None
    statuses: tuple[Status, ...] | None = None
    logs: tuple[LogPiece, ...] | None = None
    warnings: tuple[Warn, ...] | None = None


class Text(msgspec.Struct, frozen=True):
    """A line that is not part of an object."""

    line: str


_DECODER: Final = decoder(Update)


class RawJsonParser:
    """Parses bytes as they arrive. It never raises: unreadable input is returned as text."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._object: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> Iterator[Update | Text]:
        while data:
            line, newline, data = data.partition(b"\n")
            self._line += line
            if newline or len(self._line) > _LARGEST_OBJECT:
                yield from self._take(bytes(self._line))
                self._line.clear()

    def close(self) -> Iterator[Update | Text]:
        """The remaining events, when the program has ended."""
        if self._line:
            yield from self._take(bytes(self._line))
            self._line.clear()
        yield from self._give_up()

    def _take(self, line: bytes) -> Iterator[Update | Text]:
        line = line.rstrip(b"\r")
        if self._object:
            self._object.append(line)
            self._size += len(line)
            if line == b"}":
                update = _decode(b"\n".join(self._object))
                if update:
                    self._object.clear()
                    yield update
                else:
                    yield from self._give_up()
            elif line == b"{" or self._size > _LARGEST_OBJECT:
                # A new object inside an open one: the old one was cut off.
                self._object.pop()
                yield from self._give_up()
                yield from self._take(line)
        elif line == b"{":
            self._object.append(line)
            self._size = 1
        elif line.startswith(b"{") and (update := _decode(line)):
            yield update
        else:
            yield _text(line)

    def _give_up(self) -> Iterator[Text]:
        lines, self._object = self._object, []
        self._size = 0
        yield from map(_text, lines)


def _decode(data: bytes) -> Update | None:
    try:
        return _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _text(line: bytes) -> Text:
    return Text(line[:_LONGEST_LINE].decode("utf-8", "replace"))
