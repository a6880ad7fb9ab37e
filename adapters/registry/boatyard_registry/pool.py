"""Connections that are used again, and that end when they are not.

Over the standard library, because every job and every cold function pays for the import, and every cached
answer for the request: 0.03 s and 0.3 ms of CPU here, 0.13 s and 0.9 ms with httpx (measured on one machine).
"""

import http.client
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from boatyard_registry.deadline import Deadline
from boatyard_registry.origin import Origin
from boatyard_registry.proxies import proxy_for
from boatyard_registry.sockets import connect

_IDLE_SECONDS: Final = 30.0
"""Servers and load balancers close what is idle for long; most of them wait longer than this."""
_MOST_IDLE: Final = 64
"""Of all origins together."""
_MOST_IDLE_EACH: Final = 32


class Connection:
    """One connection to an origin, straight or through the proxy that the environment names."""

    def __init__(self, origin: Origin, trust: Callable[[], ssl.SSLContext]) -> None:
        self.origin = origin
        self.reused = False
        self.idle_since = 0.0
        self._headers: dict[str, str] = {}
        self._absolute = ""
        proxy = proxy_for(origin)
        host, port = (proxy.host, proxy.port) if proxy else (origin.host, origin.port)
        if origin.scheme == "https":
            self._http: http.client.HTTPConnection = http.client.HTTPSConnection(host, port, context=trust())
            if proxy:
                self._http.set_tunnel(origin.host, origin.port, headers=proxy.headers)
        else:
            self._http = http.client.HTTPConnection(host, port)
            if proxy:
                self._headers = proxy.headers
                self._absolute = f"http://{f'[{origin.host}]' if ':' in origin.host else origin.host}:{origin.port}"

    def send(
        self, method: str, target: str, *, headers: dict[str, str], body: bytes | None, deadline: Deadline, room: int
    ) -> http.client.HTTPResponse:
        """Raises what http.client and `sockets` raise. `target` is path and query, `room` bytes that may come."""
        if self._http.sock is None:
            self._open(deadline, room)
        bounded: Any = self._http.sock
        bounded.deadline, bounded.room = deadline, room
        self._http.request(
            method,
            self._absolute + target,
            body=body,
            headers={**headers, **self._headers},
        )
        return self._http.getresponse()

    def close(self) -> None:
        self._http.close()

    def _open(self, deadline: Deadline, room: int) -> None:
        def create(address: tuple[str, int], *_: Any) -> Any:
            return connect(*address, deadline, room=room)

        # http.client's own seam, for all that comes after it: the proxy's CONNECT and the handshake.
        self._http._create_connection = create  # type: ignore[attr-defined]
        self._http.connect()


class Pool:
    """Thread-safe. A connection belongs to whoever took it, until it is given back or closed."""

    def __init__(self, trust: Callable[[], ssl.SSLContext], *, idle_seconds: float = _IDLE_SECONDS) -> None:
        self._trust = trust
        self._idle_seconds = idle_seconds
        self._idle: list[Connection] = []
        """The longest idle first."""
        self._changed = threading.Condition()
        self._sweeping = False

    def take(self, origin: Origin, *, fresh: bool = False) -> Connection:
        """An idle connection, else, or if it must be `fresh`, a new one that connects when it is used."""
        if not fresh:
            with self._changed:
                self._end_old()
                for connection in reversed(self._idle):
                    if connection.origin == origin:
                        self._idle.remove(connection)
                        connection.reused = True
                        return connection
        return Connection(origin, self._trust)

    def give(self, connection: Connection) -> None:
        connection.idle_since = time.monotonic()
        with self._changed:
            same = [idle for idle in self._idle if idle.origin == connection.origin]
            excess = same[0] if len(same) >= _MOST_IDLE_EACH else None
            if excess is None and len(self._idle) >= _MOST_IDLE:
                excess = self._idle[0]
            if excess is not None:
                self._idle.remove(excess)
                excess.close()
            self._idle.append(connection)
            if not self._sweeping:
                self._sweeping = True
                threading.Thread(target=self._sweep, daemon=True).start()

    def close(self) -> None:
        with self._changed:
            for connection in self._idle:
                connection.close()
            self._idle.clear()
            self._changed.notify_all()

    def _sweep(self) -> None:
        """Closes what nobody takes again. The thread ends with the last connection."""
        with self._changed:
            while self._idle:
                self._changed.wait(self._idle[0].idle_since + self._idle_seconds - time.monotonic())
                self._end_old()
            self._sweeping = False

    def _end_old(self) -> None:
        oldest = time.monotonic() - self._idle_seconds
        while self._idle and self._idle[0].idle_since <= oldest:
            self._idle.pop(0).close()
