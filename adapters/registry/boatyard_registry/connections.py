"""Limited pools of urllib3 connections over bounded sockets. Connections are reused for a limited time.

Only the first request imports this module: importing urllib3 takes 0.05 s, which a process without registry lookups
does not pay.
"""

import logging
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from boatyard_registry.origin import Origin
from boatyard_registry.proxies import proxy_for
from boatyard_registry.sockets import BoundedSocket, connect, is_bounded

_KEPT_SECONDS: Final = 60.0
"""Load balancers close connections that are idle for longer, and network address translation drops them."""
_MOST_KEPT: Final = 64
"""Over all origins."""
_MOST_KEPT_EACH: Final = 32
"""As many as `boatyard_registry.gates` admits to one origin at a time."""
_PIECE: Final = 128 * 1024
"""Bytes of an uploaded file that are in memory."""


class _Connection(HTTPConnection):
    def _new_conn(self) -> BoundedSocket:
        return connect(self._dns_host, self.port)


class _TlsConnection(HTTPSConnection):
    def _new_conn(self) -> BoundedSocket:
        return connect(self._dns_host, self.port)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class Connections:
    """Thread-safe.

    urllib3 closes no idle connection. So all of them are discarded together: `seconds` after the first was opened, or
    when as many were opened as may be kept. A connection in use is closed after its exchange.
    """

    def __init__(self, trust: Callable[[], ssl.SSLContext], *, seconds: float = _KEPT_SECONDS) -> None:
        self._trust = trust
        self._seconds = seconds
        self._pools: dict[Origin, HTTPConnectionPool] = {}
        self._until = 0.0
        self._lock = threading.Lock()
        self._end: threading.Timer | None = None

    def pool(self, origin: Origin) -> HTTPConnectionPool:
        """A pool of connections to the origin, direct or through the environment's proxy at the time of its creation.

        Another thread may close it at any time; then call again.
        """
        with self._lock:
            if time.monotonic() >= self._until or self.opened >= _MOST_KEPT:
                self._begin()
            found = self._pools.get(origin)
        if found is None:
            made = self._pool(origin)  # outside the lock: it may read the CA files
            with self._lock:
                found = self._pools.setdefault(origin, made)
        return found

    def close(self) -> None:
        with self._lock:
            self._let_go()

    @property
    def opened(self) -> int:
        return sum(pool.num_connections for pool in self._pools.values())

    def _begin(self) -> None:
        self._let_go()
        self._until = time.monotonic() + self._seconds
        self._end = threading.Timer(self._seconds, self.close)
        self._end.daemon = True
        self._end.start()

    def _let_go(self) -> None:
        if self._end:
            self._end.cancel()
        discarded, self._pools = self._pools, {}
        for pool in discarded.values():
            pool.close()
        self._until = 0.0

    def _pool(self, origin: Origin) -> HTTPConnectionPool:
        options: dict[str, Any] = {"maxsize": _MOST_KEPT_EACH, "blocksize": _PIECE}
        if origin.scheme == "https":
            options["ssl_context"] = self._trust()
        manager = PoolManager(**options)
        if proxy := proxy_for(origin):
            trust = self._trust() if proxy.url.startswith("https:") else None
            manager = ProxyManager(proxy.url, proxy_headers=proxy.headers, proxy_ssl_context=trust, **options)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
        return manager.connection_from_host(origin.host, origin.port, origin.scheme)


class _Silent(logging.Filter):
    """Drops urllib3's log records, which contain URLs with tokens and servers' data. Other users of urllib3 are
    unaffected."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not is_bounded()


for _name in ("urllib3.connection", "urllib3.connectionpool", "urllib3.poolmanager", "urllib3.response"):
    logging.getLogger(_name).addFilter(_Silent())
