"""Reads request bodies with limits for memory and time, and drains them so that an error reaches its sender."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

from boatyard.api.http import too_large
from boatyard.errors import BoatyardError, Code
from boatyard_local.web.rooms import Places
from boatyard_local.web.timeouts import timeout

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_DRAIN_BYTES: Final = 256 * 1024**2
_DRAIN_SECONDS: Final = 10.0


class Disconnected(Exception):
    """The caller has disconnected."""


class Pace:
    """The slowest allowed body: no pause longer than `silence` seconds, and on average at least `rate` bytes a second,
    after the first `start` seconds."""

    def __init__(self, *, silence: float = 30.0, start: float = 60.0, rate: int = 16 * 1024) -> None:
        self.silence = silence
        self._start = start
        self._rate = rate

    def left(self, began: float, received: int) -> float:
        """How many seconds the next piece may take."""
        return min(self.silence, began + self._start + received / self._rate - time.monotonic())


class Body:
    """The body of one request, read once. Its bytes in memory count towards `memory`, which all requests share."""

    def __init__(self, receive: Receive, headers: Mapping[str, str], memory: Places, pace: Pace) -> None:
        self._receive = receive
        self._headers = headers
        self._memory = memory
        self._pace = pace
        self._held = 0
        self._more = True

    @property
    def unread(self) -> bool:
        """Whether more bytes may follow. A request without a body has none, whether it was read or not."""
        return self._more and (bool(self.announced) or "transfer-encoding" in self._headers)

    @property
    def announced(self) -> int | None:
        """The Content-Length, if any."""
        value = self._headers.get("content-length", "")
        return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yields pieces. Raises Disconnected, or REQUEST_TIMEOUT if they arrive too slowly."""
        began, received = time.monotonic(), 0
        while self._more:
            try:
                async with timeout(max(self._pace.left(began, received), 0)):
                    message = await self._receive()
            except asyncio.TimeoutError:
                self._more = False
                raise BoatyardError(Code.REQUEST_TIMEOUT, "the request's body comes too slowly or not at all") from None
            if message["type"] == "http.disconnect":
                self._more = False
                raise Disconnected
            self._more = message.get("more_body", False)
            if piece := message.get("body", b""):
                received += len(piece)
                yield piece

    async def read(self, limit: int) -> bytes:
        """Reads the whole body. Raises CONTEXT_TOO_LARGE for more than `limit` bytes, before reading them;
        OVERLOADED."""
        if (self.announced or 0) > limit:
            raise too_large(limit)
        read = bytearray()
        async for piece in self.pieces():
            read += piece
            if len(read) > limit:
                raise too_large(limit)
            self._hold(len(read) - self._held)
        return bytes(read)

    def release(self) -> None:
        """Releases the memory of an answered request."""
        self._memory.give(self._held)
        self._held = 0

    async def gone(self) -> None:
        """Waits until the caller disconnects. Call it after reading the whole body."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def drain(self) -> None:
        """Reads and discards the rest, within limits."""
        read = 0
        try:
            async with timeout(_DRAIN_SECONDS):
                async for piece in self.pieces():
                    read += len(piece)
                    if read > _DRAIN_BYTES:
                        return
        except (asyncio.TimeoutError, Disconnected, BoatyardError):
            return

    def _hold(self, number: int) -> None:
        if number > 0:
            self._memory.take(number)
            self._held += number
