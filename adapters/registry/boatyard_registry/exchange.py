"""Sends one request with urllib3, and replaces urllib3's exceptions by their causes."""

import http.client
from collections.abc import Mapping
from typing import BinaryIO, Final
from urllib.parse import urlsplit

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, Retry
from urllib3.exceptions import ClosedPoolError, HTTPError

from boatyard_registry.connections import Connections
from boatyard_registry.deadline import Deadline
from boatyard_registry.origin import Origin
from boatyard_registry.sockets import TooMuch, within
from boatyard_registry.transport import Answer, Sink

_OVERHEAD: Final = 1024**2
"""Bytes for headers and chunk sizes. They are limited, but do not count as the answer's body."""
_PIECE: Final = 256 * 1024
"""Bytes of a streamed answer that are in memory."""
_STALE: Final = (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError, ConnectionAbortedError)
"""Errors of a reused connection that the server has closed in the meantime."""
_NEVER: Final = Retry(False, redirect=False)
"""Callers handle retries and redirects, because they know the deadline and the credentials."""


class Unreadable(Exception):
    """The answer is not HTTP, or is incomplete."""


def exchange(
    connections: Connections,
    origin: Origin,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | BinaryIO | None,
    *,
    limit: int,
    deadline: Deadline,
    sink: Sink | None = None,
) -> Answer:
    """Follows no redirect. The body of a 200 or 206 goes to `sink`, if there is one.

    Raises OSError (TimeoutError, TooMuch, gaierror, SSLError, …) and Unreadable.
    """
    while True:
        with within(deadline, limit + _OVERHEAD) as bounds:
            pool = connections.pool(origin)
            try:
                return _answer(pool, origin, method, url, headers, body, limit, sink)
            except ClosedPoolError:
                continue  # the pool was closed before it returned a connection
            except (HTTPError, http.client.HTTPException, ValueError) as error:
                cause = _cause(error)
            again = body is None or isinstance(body, bytes)  # the registry may have kept a part of a streamed body
            if isinstance(cause, _STALE) and not bounds.connected and again:
                continue  # the loop ends: urllib3 has closed this connection, and takes the next one or opens a new one
            if isinstance(cause, OSError):
                raise cause
            raise Unreadable


def _answer(
    pool: HTTPConnectionPool,
    origin: Origin,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | BinaryIO | None,
    limit: int,
    sink: Sink | None,
) -> Answer:
    if body is not None and not isinstance(body, bytes):
        body.seek(0)
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
        if sink is not None and response.status in (200, 206):
            received = _pour(response, sink, limit)
        else:
            received = response.read(limit + 1)
        if len(received) > limit:
            raise TooMuch
        if response.length_remaining:
            raise Unreadable
    finally:
        response.close()  # has no effect after a complete answer: the connection is back in the pool
    return Answer(
        response.status,
        {name.lower(): value for name, value in response.headers.iteritems()},
        received,
        url,
        tuple(response.headers.getlist("www-authenticate")),
    )


def _pour(response: BaseHTTPResponse, sink: Sink, limit: int) -> bytes:
    """Returns the empty rest, which is the answer's body."""
    sink.restart()
    while piece := response.read(_PIECE):
        limit -= len(piece)
        if limit < 0:
            raise TooMuch
        sink.write(piece)
    return b""


def _target(pool: HTTPConnectionPool, origin: Origin, url: str) -> str:
    """The request's path and query. A proxy for plain HTTP gets the whole URL, with the origin that was checked."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if pool.proxy is None or origin.scheme == "https":
        return target
    return f"http://{f'[{origin.host}]' if ':' in origin.host else origin.host}:{origin.port}{target}"


def _cause(error: BaseException) -> BaseException:
    while isinstance(error, HTTPError) and (inner := error.__cause__ or error.__context__):
        error = inner
    return error
