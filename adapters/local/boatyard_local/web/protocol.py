"""uvicorn's HTTP/1.1 over h11, with limits for everything that a connection can delay.

h11 limits the bytes of a request's head. Nothing limits the time before a request's first byte, between the bytes of
its head, or while an answer is not read; and uvicorn continues to read with each answer, however many requests are
already read.
"""

import asyncio
from typing import Final

import h11
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_BYTES: Final = 32 * 1024
"""The limit of a request line with its headers; also of a chunk's head."""
_FULL: Final = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


_READ_AHEAD_BYTES: Final = 64 * 1024


class BoundedFlow(FlowControl):
    """Reads no further while there are requests that have been read and not started."""

    def __init__(self, transport: asyncio.Transport, connection: h11.Connection) -> None:
        super().__init__(transport)
        self._connection = connection

    def resume_reading(self) -> None:
        if self.read_paused and len(self._connection.trailing_data[0]) <= _READ_AHEAD_BYTES:
            super().resume_reading()


class BoundedProtocol(H11Protocol):
    head_seconds = 20.0
    """For a complete head, from the connection's start or the head's first byte."""
    unread_seconds = 30.0
    """How long an answer may wait for its client to read it."""
    most_connections = 2048

    _head: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = BoundedFlow(transport, self.conn)
        if len(self.connections) > self.most_connections:
            transport.write(_FULL)
            transport.close()
            return
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        self._answer_read()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._expect_head()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._expect_head()
        if self.transport.is_closing() and self.transport.get_write_buffer_size():
            self._expect_reading()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._expect_reading()

    def resume_writing(self) -> None:
        self._answer_read()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        super().timeout_keep_alive_handler()

    def _expect_head(self) -> None:
        """The timer runs from the moment when a request may arrive until its head is complete, whatever bytes arrive
        meanwhile.

        Between two requests, uvicorn's own timer runs until the first byte.
        """
        if self.conn.their_state is not h11.IDLE or self.transport.is_closing():
            self._head_came()
        elif self._head is None and (self.cycle is None or self.conn.trailing_data[0]):
            self._head = self.loop.call_later(self.head_seconds, self._abort)

    def _head_came(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _expect_reading(self) -> None:
        if self._unread is None:
            self._unread = self.loop.call_later(self.unread_seconds, self._abort)

    def _answer_read(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _abort(self) -> None:
        self.transport.abort()
