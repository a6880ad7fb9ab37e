"""Sockets that keep to a deadline and to an amount, whatever comes over them.

A socket's own timeout starts again with each byte, so a server that drips holds a reader as long as it likes. Here each
operation gets what is left of the deadline: the timeout of one `connect`, one handshake, one read over TLS and one
`sendall` is a bound of the whole operation in CPython (Modules/_ssl.c, socket.socket.sendall).
"""

import socket
import ssl
from typing import Any, Final

from boatyard_registry.deadline import Deadline
from boatyard_registry.names import addresses

_CONNECT_SECONDS: Final = 3.0
"""To one address: a host has several, and one of them may be dead."""


class TooMuch(OSError):
    """More bytes came than the answer may have."""


class BoundedSocket(socket.socket):
    deadline: Deadline
    room: int = 0
    """Bytes that may still come."""

    def recv_into(self, *arguments: Any, **named: Any) -> int:
        self.settimeout(self.deadline.require())
        return _counted(self, super().recv_into(*arguments, **named))

    def sendall(self, *arguments: Any, **named: Any) -> None:
        self.settimeout(self.deadline.require())
        super().sendall(*arguments, **named)


class BoundedTlsSocket(ssl.SSLSocket):
    deadline: Deadline
    room: int = 0

    def recv_into(self, *arguments: Any, **named: Any) -> int:
        self.settimeout(self.deadline.require())
        return _counted(self, super().recv_into(*arguments, **named))

    def send(self, *arguments: Any, **named: Any) -> int:
        self.settimeout(self.deadline.require())
        return super().send(*arguments, **named)


def connect(host: str, port: int, deadline: Deadline, *, room: int) -> BoundedSocket:
    """Raises OSError: TimeoutError when nothing answers, gaierror when there is no such name."""
    failure: OSError = ConnectionRefusedError()
    for family, kind, protocol, address in addresses(host, port, deadline):
        made = BoundedSocket(family, kind, protocol)
        made.deadline, made.room = deadline, room
        try:
            made.settimeout(min(_CONNECT_SECONDS, deadline.require()))
            made.connect(address)
            made.settimeout(deadline.require())  # of the TLS handshake
        except OSError as error:
            made.close()
            failure = error
            continue
        return made
    raise failure


def _counted(made: "BoundedSocket | BoundedTlsSocket", received: int) -> int:
    made.room -= received
    if made.room < 0:
        raise TooMuch
    return received
