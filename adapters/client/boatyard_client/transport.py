"""Performs one HTTP exchange: encodes JSON, decodes a type, and converts every failure to an error of this package."""

import ssl
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Final, TypeVar

import httpx
import msgspec

from boatyard.api.messages import Problem
from boatyard.decoding import prepared
from boatyard_client.auth import find_auth
from boatyard_client.endpoint import Endpoint, is_loopback
from boatyard_client.errors import ApiError, ClientError, ConnectionFailedError, ProtocolError, UploadForbiddenError

T = TypeVar("T")

_CONNECT_SECONDS: Final = 10.0
_READ_SECONDS: Final = 60.0
_PIECE: Final = 256 * 1024
_GATEWAY: Final = frozenset({408, 429, 500, 502, 503, 504})
"""Answers of an intermediary (a load balancer, a cold function) that a retry may avoid."""
_FORBIDDEN: Final = 403
_THERE: Final = frozenset({409, 412})
"""An object store's answers to an upload that may only create: the object exists, and its name is its digest."""


class ApiTransport:
    """A pool of connections to one deployment. `over` replaces the network, for tests."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        auth: httpx.Auth | None = None,
        over: httpx.BaseTransport | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._http = httpx.Client(
            base_url=endpoint.url,
            auth=auth or find_auth(endpoint),
            transport=over,
            timeout=httpx.Timeout(_READ_SECONDS, connect=_CONNECT_SECONDS),
            headers={"accept": "application/json, application/problem+json"},
            # A proxy cannot reach this machine's loopback.
            trust_env=not is_loopback(endpoint.url),
            # Loading the CA bundle takes longer than most requests, and plain HTTP does not need it.
            verify=not endpoint.url.lower().startswith("http:"),
        )
        self._elsewhere = over

    def close(self) -> None:
        self._http.close()

    def ask(
        self,
        method: str,
        path: str,
        kind: type[T],
        *,
        body: msgspec.Struct | None = None,
        query: Mapping[str, str] | None = None,
    ) -> T:
        """Performs one exchange without retries. Raises ApiError, ConnectionFailedError or ProtocolError."""
        content = None if body is None else msgspec.json.encode(body)
        headers = {} if content is None else {"content-type": "application/json"}
        response = self._send(
            lambda: self._http.request(method, path, params=dict(query or {}), content=content, headers=headers)
        )
        try:
            return msgspec.json.decode(response.content or b"null", type=prepared(kind))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._not_ours(response, str(error)) from None

    def put(
        self, url: str, file: IO[bytes], size: int, headers: Mapping[str, str], sent: Callable[[int], None]
    ) -> None:
        """Uploads a file's first `size` bytes to an address, which may be on another host.

        Raises UploadForbiddenError if that host forbids it.
        """
        target = self._http.base_url.join(url)
        # A length instead of chunks: object stores refuse a signed upload without one.
        all_headers = {**headers, "content-length": str(size)}
        file.seek(0)
        if _origin(target) == _origin(self._http.base_url):
            self._send(lambda: self._http.put(target, content=_pieces(file, size, sent), headers=all_headers))
            return
        # Send neither credentials nor cookies to another host.
        with httpx.Client(transport=self._elsewhere, timeout=self._http.timeout) as other:
            taken = _THERE | {_FORBIDDEN}
            response = self._send(
                lambda: other.put(target, content=_pieces(file, size, sent), headers=all_headers), taken
            )
        if response.status_code == _FORBIDDEN:
            raise UploadForbiddenError(
                f"{target.host} answered 403 {response.reason_phrase} to the upload",
                advice="The store's firewall, or the right of the service's identity, does not allow it.",
            )

    def _send(self, call: Callable[[], httpx.Response], taken: frozenset[int] = frozenset()) -> httpx.Response:
        try:
            response = call()
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise self._absent(error) from None
        except httpx.TimeoutException:
            raise ConnectionFailedError(f"{self._endpoint.url} did not answer in time") from None
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            raise ConnectionFailedError(f"the connection to {self._endpoint.url} broke: {reason}") from None
        except (httpx.InvalidURL, httpx.HTTPError) as error:
            raise ProtocolError(f"{self._endpoint.url}: {error}") from None
        if response.is_success or response.status_code in taken:
            return response
        raise self._refusal(response)

    def _absent(self, error: Exception) -> ConnectionFailedError:
        reason = _root(error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            return ConnectionFailedError(
                f"the certificate of {self._endpoint.url} is not trusted: {reason.verify_message}",
                advice="Name your company's CA bundle with SSL_CERT_FILE.",
                absent=True,
            )
        return ConnectionFailedError(
            f"no Boatyard answers at {self._endpoint.url}; start it with `boatyard serve` or set BOATYARD_URL",
            advice=f"The address comes from {self._endpoint.origin}.",
            absent=True,
        )

    def _refusal(self, response: httpx.Response) -> Exception:
        wait = response.headers.get("retry-after", "")
        try:
            problem = msgspec.json.decode(response.content, type=prepared(Problem))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._not_ours(response, "")
        return ApiError(problem, retry_after_seconds=float(wait) if wait.isascii() and wait.isdigit() else None)

    def _not_ours(self, response: httpx.Response, reason: str) -> ClientError:
        what = f"{response.request.url.host} answered {response.status_code} {response.reason_phrase}".strip()
        if response.status_code in _GATEWAY:
            return ConnectionFailedError(what)
        if response.status_code in (401, 403):
            return ProtocolError(what, advice="The deployment's edge needs credentials: sign in to its cloud.")
        return ProtocolError(
            f"{what}, which is not how Boatyard answers" + (f" ({reason})" if reason else ""),
            advice=f"Check the address; it comes from {self._endpoint.origin}.",
        )


def _pieces(file: IO[bytes], size: int, sent: Callable[[int], None]) -> Iterator[bytes]:
    done = 0
    while done < size and (piece := file.read(min(_PIECE, size - done))):
        yield piece
        done += len(piece)
        sent(done)


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return (url.scheme, url.host, url.port)


def _root(error: BaseException) -> BaseException:
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    return error
