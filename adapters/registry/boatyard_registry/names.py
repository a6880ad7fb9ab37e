"""Resolves host names within a deadline.

`getaddrinfo` cannot be cancelled: a silent name server blocks it for half a minute. So it runs in its own thread, which
is abandoned at the deadline. Equal names share a thread, and the number of threads is limited.
"""

import socket
import threading
from typing import Any, Final, NamedTuple

from boatyard_registry.deadline import Deadline, OutOfTime

_MOST_THREADS: Final = 64
_MOST_ADDRESSES: Final = 8


class Address(NamedTuple):
    family: int
    kind: int
    protocol: int
    address: Any
    """As `socket.connect` accepts it."""


class _Asking:
    def __init__(self) -> None:
        self.done = threading.Event()
        self.found: list[Address] = []
        self.failure: OSError | None = None


_asking: dict[tuple[str, int], _Asking] = {}
_lock = threading.Lock()


def addresses(host: str, port: int, deadline: Deadline) -> list[Address]:
    """Returns at most eight addresses, in the resolver's order. Raises OSError: gaierror for an unknown name,
    OutOfTime."""
    try:
        return _resolve(host, port, socket.AI_NUMERICHOST)
    except socket.gaierror:
        pass  # a name, not an address
    with _lock:
        asking = _asking.get((host, port))
        if asking is None:
            if len(_asking) >= _MOST_THREADS:
                raise OutOfTime
            asking = _asking[host, port] = _Asking()
            threading.Thread(target=_ask, args=(host, port, asking), daemon=True).start()
    if not asking.done.wait(deadline.require()):
        raise OutOfTime
    if asking.failure:
        raise asking.failure
    return asking.found


def _ask(host: str, port: int, asking: _Asking) -> None:
    try:
        asking.found = _resolve(host, port, 0)
    except (OSError, UnicodeError) as error:
        asking.failure = error if isinstance(error, OSError) else socket.gaierror(socket.EAI_NONAME, "no such host")
    finally:
        with _lock:
            _asking.pop((host, port), None)
        asking.done.set()


def _resolve(host: str, port: int, flags: int) -> list[Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return [Address(family, kind, protocol, address) for family, kind, protocol, _, address in found][:_MOST_ADDRESSES]
