"""HTTP to registries: answers are limited, and callers see no exception of the HTTP library."""

import socket
import ssl
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, BinaryIO, Final

from boatyard_registry.deadline import Deadline
from boatyard_registry.gates import Gates, Shut
from boatyard_registry.origin import Origin
from boatyard_registry.sockets import BoundedTlsSocket, TooMuch
from boatyard_registry.transport import Answer, NoSuchHost, Sink, Unreachable

if TYPE_CHECKING:
    from boatyard_registry.connections import Connections

_TLS: Final = (
    ("WRONG_VERSION_NUMBER", "it speaks plain http; add it to insecureRegistries in the settings if it may"),
    ("RECORD_LAYER_FAILURE", "it speaks plain http; add it to insecureRegistries in the settings if it may"),
    ("CERTIFICATE_VERIFY_FAILED", "its certificate is not trusted; set network.caBundle in the settings"),
)
_NO_ADDRESS: Final = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})
"""Not EAI_AGAIN: then the resolver did not answer."""


class HttpTransport:
    """Thread-safe. The first request imports urllib3, and the first TLS connection loads the CAs."""

    def __init__(self, *, ca_bundle: str = "") -> None:
        self._ca_bundle = ca_bundle
        self._context: ssl.SSLContext | None = None
        self._connections: Connections | None = None
        self._lock = threading.Lock()
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
        return self._exchange(method, url, headers, body, limit, deadline)

    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        source: BinaryIO | None = None,
        sink: Sink | None = None,
        limit: int,
        deadline: Deadline,
    ) -> Answer:
        return self._exchange(method, url, headers, source, limit, deadline, sink)

    def _exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | BinaryIO | None,
        limit: int,
        deadline: Deadline,
        sink: Sink | None = None,
    ) -> Answer:
        from boatyard_registry.exchange import Unreadable, exchange

        try:
            origin = Origin.of(url)
        except ValueError:
            raise Unreachable("it names something that is no http URL") from None
        try:
            with self._gates.through(origin, deadline):
                return exchange(
                    self._open(), origin, method, url, headers, body, limit=limit, deadline=deadline, sink=sink
                )
        except Shut as error:
            raise Unreachable(str(error)) from None
        except TimeoutError:
            raise Unreachable(f"{origin} did not answer in time") from None
        except TooMuch:
            raise Unreachable(f"{origin} sent more than {limit:,} bytes") from None
        except Unreadable:
            raise Unreachable(f"{origin}: the answer cannot be read") from None
        except socket.gaierror as error:
            kind = NoSuchHost if error.errno in _NO_ADDRESS else Unreachable
            raise kind(f"{origin}: no such host") from None
        except OSError as error:
            raise Unreachable(f"{origin}{_reason(error)}") from None

    def close(self) -> None:
        if self._connections:
            self._connections.close()

    def _open(self) -> "Connections":
        from boatyard_registry.connections import Connections

        with self._lock:
            if self._connections is None:
                self._connections = Connections(self._trust)
            return self._connections

    def _trust(self) -> ssl.SSLContext:
        """Trusts the system's CAs (SSL_CERT_FILE included) and the deployment's bundle."""
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


def _reason(error: OSError) -> str:
    """The text after the origin's name."""
    if isinstance(error, ConnectionRefusedError):
        return ": connection refused"
    if isinstance(error, ConnectionError):
        return " broke the connection"
    if isinstance(error, ssl.SSLError):
        return ": " + next((said for words, said in _TLS if words in str(error)), "no TLS connection")
    return ": no connection"
