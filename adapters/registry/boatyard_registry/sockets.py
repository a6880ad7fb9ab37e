"""Sockets that enforce the limits of an exchange, whatever the server sends and whichever library reads it.

A socket's own timeout restarts with each byte, so a server that sends slowly can block a reader for any time. Here,
each operation gets the rest of the deadline as its timeout: for one `connect`, one handshake, one read over TLS and one
`sendall`, CPython applies it to the whole operation (Modules/_ssl.c, socket.socket.sendall).
"""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from boatyard_registry.deadline import Deadline
from boatyard_registry.names import addresses

_CONNECT_SECONDS: Final = 3.0
"""For one address: a host has several, and one of them may be dead."""


class TooMuch(OSError):
    """The answer is longer than its limit."""


class Bounds:
    """The limits of one request and its answer."""

    def __init__(self, deadline: Deadline, room: int) -> None:
        self.deadline = deadline
        self.room = room
        """Bytes that may still be received."""
        self.connected = False
        """Whether a connection was opened for the exchange, instead of reused."""

    def count(self, received: int) -> None:
        self.room -= received
        if self.room < 0:
            raise TooMuch


_current: ContextVar[Bounds] = ContextVar("boatyard_registry.bounds")


@contextmanager
def within(deadline: Deadline, room: int) -> Iterator[Bounds]:
    """Limits this thread's operations on its sockets: a reused connection serves one exchange after another."""
    bounds = Bounds(deadline, room)
    token = _current.set(bounds)
    try:
        yield bounds
    finally:
        _current.reset(token)


def is_bounded() -> bool:
    """Whether this thread is inside `within`."""
    return _current.get(None) is not None


class BoundedSocket(socket.socket):
    def recv_into(self, *arguments: Any, **named: Any) -> int:
        bounds = _current.get()
        self.settimeout(bounds.deadline.require())
        received = super().recv_into(*arguments, **named)
        bounds.count(received)
        return received

    def sendall(self, *arguments: Any, **named: Any) -> None:
        self.settimeout(_current.get().deadline.require())
        super().sendall(*arguments, **named)


class BoundedTlsSocket(ssl.SSLSocket):
    def read(self, *arguments: Any, **named: Any) -> Any:
        """Both `recv` and `recv_into` call it; TLS through a TLS proxy uses the former."""
        bounds = _current.get()
        self.settimeout(bounds.deadline.require())
        received = super().read(*arguments, **named)
        bounds.count(len(received) if isinstance(received, bytes) else received)
        return received

    def send(self, *arguments: Any, **named: Any) -> int:
        self.settimeout(_current.get().deadline.require())
        return super().send(*arguments, **named)


def connect(host: str, port: int) -> BoundedSocket:
    """Raises OSError: TimeoutError without an answer, gaierror for an unknown name."""
    bounds = _current.get()
    bounds.connected = True
    failure: OSError = ConnectionRefusedError()
    for family, kind, protocol, address in addresses(host, port, bounds.deadline):
        made = BoundedSocket(family, kind, protocol)
        try:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.settimeout(min(_CONNECT_SECONDS, bounds.deadline.require()))
            made.connect(address)
            made.settimeout(bounds.deadline.require())  # for the TLS handshake
        except OSError as error:
            made.close()
            failure = error
            continue
        return made
    raise failure
