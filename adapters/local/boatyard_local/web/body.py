"""Request bodies: never more in memory than allowed, and read on where a refusal must reach its sender."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

from boatyard.errors import BoatyardError

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_DRAIN_BYTES: Final = 256 * 1024**2
_DRAIN_SECONDS: Final = 10.0


class Disconnected(Exception):
    """The caller is gone: there is nobody to answer."""


class Body:
    """The body of one request, read once."""

    def __init__(self, receive: Receive, headers: Mapping[str, str]) -> None:
        self._receive = receive
        self._headers = headers
        self._more = True

    @property
    def unread(self) -> bool:
        """True while there may be more to come. A request without a body has none, whether it was read or not."""
        return self._more and (bool(self.announced) or "transfer-encoding" in self._headers)

    @property
    def announced(self) -> int | None:
        """The Content-Length, if there is one."""
        value = self._headers.get("content-length", "")
        return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None

    async def pieces(self) -> AsyncIterator[bytes]:
        while self._more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._more = False
                raise Disconnected
            self._more = message.get("more_body", False)
            if piece := message.get("body", b""):
                yield piece

    async def read(self, limit: int) -> bytes:
        """All of it. Raises CONTEXT_TOO_LARGE for more than `limit` bytes, before they are read."""
        error = BoatyardError(
            "CONTEXT_TOO_LARGE", f"the request has more than {limit:,} bytes; files go to POST /v1/contexts"
        )
        if (self.announced or 0) > limit:
            raise error
        read = bytearray()
        async for piece in self.pieces():
            read += piece
            if len(read) > limit:
                raise error
        return bytes(read)

    async def drain(self) -> None:
        """Read on and throw away, within bounds."""
        read = 0
        try:
            async with asyncio.timeout(_DRAIN_SECONDS):
                async for piece in self.pieces():
                    read += len(piece)
                    if read > _DRAIN_BYTES:
                        return
        except (TimeoutError, Disconnected):
            return
