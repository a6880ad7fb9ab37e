"""HTTP to registries: bounded answers, careful redirects, and no exception of the HTTP library gets out."""

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from typing import Final, Protocol
from urllib.parse import urljoin, urlsplit

import msgspec

from boatyard_registry.deadline import Deadline
from boatyard_registry.gates import Gates, Shut
from boatyard_registry.origin import Origin, same_origin
from boatyard_registry.pool import Connection, Pool
from boatyard_registry.sockets import BoundedTlsSocket, TooMuch

_MOST_REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_OVERHEAD: Final = 1024**2
"""Bytes of headers, of chunks' sizes, of a TLS handshake: they count, but not against the answer."""
_STALE: Final = (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError, ConnectionAbortedError)
"""What a kept connection fails with when the server closed it meanwhile."""
_TLS: Final = (
    ("WRONG_VERSION_NUMBER", "it speaks plain http; add it to insecureRegistries in the settings if it may"),
    ("RECORD_LAYER_FAILURE", "it speaks plain http; add it to insecureRegistries in the settings if it may"),
    ("CERTIFICATE_VERIFY_FAILED", "its certificate is not trusted; set network.caBundle in the settings"),
)


class Answer(msgspec.Struct, frozen=True):
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    url: str
    """Where it came from in the end; relative Locations are relative to it."""
    challenges: tuple[str, ...] = ()
    """The WWW-Authenticate headers."""
    redirected: bool = False
    """True if somebody else's Location led to it: what it asks for is not what the registry asks for."""


class Unreachable(Exception):
    """No usable answer. The text names the reason and never the query of a URL, which may hold tokens."""


class Transport(Protocol):
    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        limit: int,
        deadline: Deadline,
    ) -> Answer:
        """One request and its answer, of at most `limit` bytes. Raises Unreachable. Follows no redirect."""
        ...

    def close(self) -> None: ...


class HttpTransport:
    """Thread-safe. The CAs are loaded when the first TLS connection is made: that alone takes 20 ms."""

    def __init__(self, *, ca_bundle: str = "") -> None:
        self._ca_bundle = ca_bundle
        self._context: ssl.SSLContext | None = None
        self._lock = threading.Lock()
        self._pool = Pool(self._trust)
        self._gates = Gates()

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        limit: int,
        deadline: Deadline,
    ) -> Answer:
        try:
            origin = Origin.of(url)
        except ValueError:
            raise Unreachable("it names something that is no http URL") from None
        try:
            with self._gates.through(origin, deadline):
                return self._send(origin, method, url, dict(headers), body, limit, deadline)
        except Shut as error:
            raise Unreachable(str(error)) from None
        except TimeoutError:
            raise Unreachable(f"{origin} did not answer in time") from None
        except TooMuch:
            raise Unreachable(f"{origin} sent more than {limit:,} bytes") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unreachable(f"{origin}: {_reason(error)}") from None

    def close(self) -> None:
        self._pool.close()

    def _send(
        self,
        origin: Origin,
        method: str,
        url: str,
        headers: dict[str, str],
        body: bytes | None,
        limit: int,
        deadline: Deadline,
    ) -> Answer:
        for fresh in (False, True):
            connection = self._pool.take(origin, fresh=fresh)
            try:
                return self._exchange(connection, method, url, headers, body, limit, deadline)
            except _STALE:
                connection.close()
                if not connection.reused:
                    break
            except BaseException:
                connection.close()
                raise
        raise Unreachable(f"{origin} broke the connection")

    def _exchange(
        self,
        connection: Connection,
        method: str,
        url: str,
        headers: dict[str, str],
        body: bytes | None,
        limit: int,
        deadline: Deadline,
    ) -> Answer:
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        response = connection.send(
            method, target, headers=headers, body=body, deadline=deadline, room=limit + _OVERHEAD
        )
        received = response.read(limit + 1)
        if len(received) > limit:
            raise TooMuch
        if response.length and method != "HEAD":
            raise http.client.IncompleteRead(received, response.length)
        answer = Answer(
            response.status,
            {name.lower(): value for name, value in response.headers.items()},
            received,
            url,
            tuple(response.headers.get_all("www-authenticate", [])),
        )
        if response.will_close or not response.isclosed():
            connection.close()
        else:
            self._pool.give(connection)
        return answer

    def _trust(self) -> ssl.SSLContext:
        """The machine's own CAs (SSL_CERT_FILE included), and the deployment's bundle beside them."""
        with self._lock:
            if self._context is None:
                context = ssl.create_default_context()
                context.sslsocket_class = BoundedTlsSocket
                if self._ca_bundle:
                    try:
                        context.load_verify_locations(cafile=self._ca_bundle)
                    except OSError:
                        raise Unreachable(f"the CA bundle {self._ca_bundle} cannot be read") from None
                self._context = context
            return self._context


def follow(
    transport: Transport,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    limit: int,
    deadline: Deadline,
) -> Answer:
    """One GET or HEAD, with its redirects followed. Raises Unreachable.

    Authorization stays with the origin that it was meant for: a blob store gets none, and what a blob store sends back
    to that origin gets none either.
    """
    target, sent, redirected = url, dict(headers), False
    for _ in range(_MOST_REDIRECTS + 1):
        answer = transport.send(method, target, headers=sent, limit=limit, deadline=deadline)
        location = answer.headers.get("location")
        if answer.status not in _REDIRECTS or not location:
            return msgspec.structs.replace(answer, redirected=redirected)
        try:
            followed = urljoin(target, location)
        except ValueError:
            raise Unreachable(f"{urlsplit(target).hostname} redirects to something that is no URL") from None
        if target.startswith("https:") and not followed.startswith("https:"):
            raise Unreachable(f"{urlsplit(target).hostname} redirects away from https")
        target, redirected = followed, True
        if not same_origin(target, url):
            sent.pop("authorization", None)
    raise Unreachable(f"{urlsplit(url).hostname} redirects without end")


def _reason(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, socket.gaierror):
        return "no such host"
    if isinstance(error, ssl.SSLError):
        return next((said for words, said in _TLS if words in str(error)), "no TLS connection")
    return "no connection" if isinstance(error, OSError) else "the answer cannot be read"
