"""Sockets that keep to the bounds of an exchange, whatever comes over them and whichever library reads them.

A socket's own timeout starts again with each byte, so a server that drips holds a reader as long as it likes. Here each
operation gets what is left of the deadline: the timeout of one `connect`, one handshake, one read over TLS and one
`sendall` is a bound of the whole operation in CPython (Modules/_ssl.c, socket.socket.sendall).
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
"""To one address: a host has several, and one of them may be dead."""


class TooMuch(OSError):
    """More bytes came than the answer may have."""


class Bounds:
    """Of one request and its answer."""

    def __init__(self, deadline: Deadline, room: int) -> None:
        self.deadline = deadline
        self.room = room
        """Bytes that may still come."""
        self.connected = False
        """True once a connection was opened for it; False while it uses one that was kept."""

    def count(self, received: int) -> None:
        self.room -= received
        if self.room < 0:
            raise TooMuch


_current: ContextVar[Bounds] = ContextVar("boatyard_registry.bounds")


@contextmanager
def within(deadline: Deadline, room: int) -> Iterator[Bounds]:
    """Bounds what this thread does with these sockets: a kept connection serves one exchange after another."""
    bounds = Bounds(deadline, room)
    token = _current.set(bounds)
    try:
        yield bounds
    finally:
        _current.reset(token)


def is_bounded() -> bool:
    """True inside of `within`."""
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
        """`recv` and `recv_into` end here: TLS through a proxy that speaks TLS itself uses the former."""
        bounds = _current.get()
        self.settimeout(bounds.deadline.require())
        received = super().read(*arguments, **named)
        bounds.count(len(received) if isinstance(received, bytes) else received)
        return received

    def send(self, *arguments: Any, **named: Any) -> int:
        self.settimeout(_current.get().deadline.require())
        return super().send(*arguments, **named)


def connect(host: str, port: int) -> BoundedSocket:
    """Raises OSError: TimeoutError when nothing answers, gaierror when there is no such name."""
    bounds = _current.get()
    bounds.connected = True
    failure: OSError = ConnectionRefusedError()
    for family, kind, protocol, address in addresses(host, port, bounds.deadline):
        made = BoundedSocket(family, kind, protocol)
        try:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.settimeout(min(_CONNECT_SECONDS, bounds.deadline.require()))
            made.connect(address)
            made.settimeout(bounds.deadline.require())  # of the TLS handshake
        except OSError as error:
            made.close()
            failure = error
            continue
        return made
    raise failure
