"""One request and its answer over urllib3, whose exceptions become what caused them."""

import http.client
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from urllib3 import HTTPConnectionPool, Retry
from urllib3.exceptions import ClosedPoolError, HTTPError

from boatyard_registry.connections import Connections
from boatyard_registry.deadline import Deadline
from boatyard_registry.origin import Origin
from boatyard_registry.sockets import TooMuch, within
from boatyard_registry.transport import Answer

_OVERHEAD: Final = 1024**2
"""Bytes of headers and of chunks' sizes: they count, but not against the answer."""
_STALE: Final = (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError, ConnectionAbortedError)
"""What a kept connection fails with when the server closed it meanwhile."""
_NEVER: Final = Retry(False, redirect=False)
"""Repeats and redirects are decided above, where the deadline and the credentials are known."""


class Unreadable(Exception):
    """An answer came that is not HTTP, or not whole."""


def exchange(
    connections: Connections,
    origin: Origin,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None,
    *,
    limit: int,
    deadline: Deadline,
) -> Answer:
    """Follows no redirect. Raises OSError (TimeoutError, TooMuch, gaierror, SSLError, …) and Unreadable."""
    while True:
        with within(deadline, limit + _OVERHEAD) as bounds:
            pool = connections.pool(origin)
            try:
                return _answer(pool, origin, method, url, headers, body, limit)
            except ClosedPoolError:
                continue  # it was let go before it gave a connection
            except (HTTPError, http.client.HTTPException, ValueError) as error:
                cause = _cause(error)
            if isinstance(cause, _STALE) and not bounds.connected:
                continue  # ends: urllib3 has closed this kept connection, and takes the next or opens one
            if isinstance(cause, OSError):
                raise cause
            raise Unreadable


def _answer(
    pool: HTTPConnectionPool,
    origin: Origin,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None,
    limit: int,
) -> Answer:
    response = pool.urlopen(
        method,
        _target(pool, origin, url),
        body=body,
        headers=headers,
        retries=_NEVER,
        redirect=False,
        assert_same_host=False,
        preload_content=False,
        decode_content=False,
    )
    try:
        received = response.read(limit + 1)
        if len(received) > limit:
            raise TooMuch
        if response.length_remaining:
            raise Unreadable
    finally:
        response.close()  # does nothing to a connection whose answer is whole: the pool has it again
    return Answer(
        response.status,
        {name.lower(): value for name, value in response.headers.iteritems()},
        received,
        url,
        tuple(response.headers.getlist("www-authenticate")),
    )


def _target(pool: HTTPConnectionPool, origin: Origin, url: str) -> str:
    """Path and query. A proxy that forwards plain http gets the whole URL, out of the origin that was looked at."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if pool.proxy is None or origin.scheme == "https":
        return target
    return f"http://{f'[{origin.host}]' if ':' in origin.host else origin.host}:{origin.port}{target}"


def _cause(error: BaseException) -> BaseException:
    while isinstance(error, HTTPError) and (inner := error.__cause__ or error.__context__):
        error = inner
    return error
