"""HTTP to registries: pooled connections, bounded answers, and no exception of the HTTP library gets out."""

import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import httpx
import msgspec

_CONNECT_SECONDS: Final = 3.0
_READ_SECONDS: Final = 10.0
_MOST_REDIRECTS: Final = 5
_POOL: Final = httpx.Limits(max_connections=64, max_keepalive_connections=32, keepalive_expiry=30)
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})

_CONNECTING: Final = (
    ("refused", "connection refused"),
    ("WRONG_VERSION_NUMBER", "it speaks plain http; add it to insecureRegistries in the settings if it may"),
    ("RECORD_LAYER_FAILURE", "it speaks plain http; add it to insecureRegistries in the settings if it may"),
    ("CERTIFICATE_VERIFY_FAILED", "its certificate is not trusted; set network.caBundle in the settings"),
    ("Name or service not known", "no such host"),
    ("nodename nor servname", "no such host"),
    ("No address associated", "no such host"),
    ("Temporary failure in name resolution", "no such host, or no name server"),
)

Body = Callable[[], Iterable[bytes]]
"""Makes the body anew, because a retry sends it again."""


class Answer(msgspec.Struct, frozen=True):
    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    """Where it came from in the end; relative Locations are relative to it."""
    challenges: tuple[str, ...] = ()
    """The WWW-Authenticate headers."""


class Unreachable(Exception):
    """No usable answer. The text names the reason and never the query of a URL, which may hold tokens."""


class Transport:
    """Thread-safe. Connections are made when first needed: loading the CAs alone takes 20 ms."""

    def __init__(self, *, ca_bundle: str = "", client: httpx.Client | None = None) -> None:
        self._ca_bundle = ca_bundle
        self._given = client
        self._clients: dict[str, httpx.Client] = {}
        self._lock = threading.Lock()

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: Body | None = None,
        limit: int,
        read_seconds: float = _READ_SECONDS,
    ) -> Answer:
        """One request, with GET's and HEAD's redirects followed. Raises Unreachable.

        Authorization stays with the host that it was meant for: a blob store gets none.
        """
        origin = httpx.URL(url)
        target = origin
        for _ in range(_MOST_REDIRECTS + 1):
            sent = dict(headers)
            if (target.scheme, target.host, target.port) != (origin.scheme, origin.host, origin.port):
                sent.pop("authorization", None)
            answer = self._once(method, target, sent, body, limit, read_seconds)
            location = answer.headers.get("location")
            if answer.status not in _REDIRECTS or method not in ("GET", "HEAD") or not location:
                return answer
            target = _follow(target, location)
        raise Unreachable(f"{origin.host} redirects without end")

    def close(self) -> None:
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def _once(
        self,
        method: str,
        url: httpx.URL,
        headers: Mapping[str, str],
        body: Body | None,
        limit: int,
        read_seconds: float,
    ) -> Answer:
        timeout = httpx.Timeout(read_seconds, connect=_CONNECT_SECONDS)
        content = body() if body else None
        try:
            with self._client(url.scheme).stream(
                method, url, headers=dict(headers), content=content, timeout=timeout
            ) as response:
                received = bytearray()
                for piece in response.iter_bytes():
                    received += piece
                    if len(received) > limit:
                        raise Unreachable(f"{url.host} sent more than {limit:,} bytes")
                return Answer(
                    response.status_code,
                    response.headers,
                    bytes(received),
                    str(url),
                    tuple(response.headers.get_list("www-authenticate")),
                )
        except httpx.TimeoutException:
            raise Unreachable(f"{_place(url)} did not answer in time") from None
        except httpx.HTTPError as error:
            raise Unreachable(f"{_place(url)}: {_reason(error)}") from None
        except httpx.InvalidURL:
            raise Unreachable(f"{url.host}: not a usable URL") from None

    def _client(self, scheme: str) -> httpx.Client:
        if self._given:
            return self._given
        with self._lock:
            if scheme not in self._clients:
                verify: ssl.SSLContext | bool = _trust(self._ca_bundle) if scheme == "https" else False
                self._clients[scheme] = httpx.Client(verify=verify, limits=_POOL, follow_redirects=False)
            return self._clients[scheme]


def _trust(ca_bundle: str) -> ssl.SSLContext:
    """The machine's own CAs (SSL_CERT_FILE included), and the deployment's bundle beside them."""
    context = ssl.create_default_context()
    if ca_bundle:
        try:
            context.load_verify_locations(cafile=ca_bundle)
        except (OSError, ssl.SSLError):
            raise Unreachable(f"the CA bundle {ca_bundle} cannot be read") from None
    return context


def _follow(current: httpx.URL, location: str) -> httpx.URL:
    try:
        target = current.join(location)
    except httpx.InvalidURL:
        raise Unreachable(f"{current.host} redirects to something that is no URL") from None
    if target.scheme not in ("http", "https") or (current.scheme == "https" and target.scheme != "https"):
        raise Unreachable(f"{current.host} redirects away from https")
    return target


def _place(url: httpx.URL) -> str:
    return f"{url.host}:{url.port}" if url.port else url.host


def _reason(error: httpx.HTTPError) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    if isinstance(error, httpx.ConnectError):
        return next((said for words, said in _CONNECTING if words in text), "no connection")
    return "the connection broke" if isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError) else text
