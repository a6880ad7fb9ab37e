"""Fetches an archive over http(s), as the signed URLs of object stores need."""

import io
from http.client import HTTPException, HTTPResponse
from typing import IO, Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from boatyard.errors import BoatyardError, Code

_SECONDS: Final = 60.0
_BUFFER: Final = 256 * 1024
_BROKEN: Final = (HTTPException, OSError)


def open_url(url: str) -> IO[bytes]:
    """The body as a stream. Raises CONTEXT_MISSING or DATAPLANE_UNAVAILABLE, while reading too."""
    host = urlsplit(url).hostname or ""
    try:
        request = Request(url, headers={"user-agent": "boatyard"})  # noqa: S310
        answer = build_opener(_Redirects).open(request, timeout=_SECONDS)
    except HTTPError as error:
        error.close()
        if error.code in (404, 410):
            raise BoatyardError(Code.CONTEXT_MISSING, "the uploaded archive is no longer there") from None
        raise _unavailable(host, f"answered {error.code}") from None
    except (URLError, ValueError, *_BROKEN):
        raise _unavailable(host, "did not answer") from None
    return io.BufferedReader(_Body(answer, host), _BUFFER)


def delete(url: str) -> bool:
    """False if nobody knows whether it is gone."""
    request = Request(url, headers={"user-agent": "boatyard"}, method="DELETE")  # noqa: S310
    try:
        with build_opener(_Redirects).open(request, timeout=_SECONDS):
            return True
    except HTTPError as error:
        error.close()
        return error.code in (404, 410)  # another job has refused it
    except (BoatyardError, URLError, ValueError, *_BROKEN):
        return False


class _Redirects(HTTPRedirectHandler):
    """Follows redirects, which new buckets use for a while, but never from https to http or to another protocol."""

    max_redirections = 5

    def redirect_request(self, request: Request, answer: Any, code: int, reason: str, headers: Any, url: str) -> Any:
        was, to = urlsplit(request.full_url).scheme, urlsplit(url).scheme
        if to not in ("http", "https") or (was, to) == ("https", "http"):
            answer.close()
            raise _unavailable(urlsplit(request.full_url).hostname or "", f"redirects from {was} to {to}")
        return super().redirect_request(request, answer, code, reason, headers, url)


class _Body(io.RawIOBase):
    def __init__(self, answer: HTTPResponse, host: str) -> None:
        self._answer = answer
        self._host = host

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        try:
            data = self._answer.read(len(buffer))
        except _BROKEN:
            raise _unavailable(self._host, "broke off") from None
        if not data and len(buffer) and self._answer.length:
            raise _unavailable(self._host, "broke off")  # http.client does not report a short body
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._answer.close()
        super().close()


def _unavailable(host: str, what: str) -> BoatyardError:
    return BoatyardError(Code.DATAPLANE_UNAVAILABLE, f"the context store {host} {what}")
