"""Fetches the context's archive and checks that it is the one announced, byte for byte."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import IO, Final
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

from boatyard.context import Context
from boatyard.errors import BoatyardError

_PIECE: Final = 1024 * 1024
_SECONDS: Final = 60.0


def fetch(context: Context, url: str, target: Path) -> None:
    """Writes the archive to `target`.

    Raises CONTEXT_INVALID if its size or sha256 differ, CONTEXT_MISSING if it is not there, and
    DATAPLANE_UNAVAILABLE if the store does not answer. A URL may be signed: no error quotes it.
    """
    digest = hashlib.sha256()
    size = 0
    with _open(url) as source, target.open("xb") as file:
        while piece := _read(source):
            size += len(piece)
            if size > context.size:
                break
            digest.update(piece)
            file.write(piece)
    if size != context.size:
        more = "more than" if size > context.size else f"{size:,} bytes, not"
        raise BoatyardError("CONTEXT_INVALID", f"the archive has {more} the {context.size:,} bytes announced")
    if digest.hexdigest() != context.sha256:
        raise BoatyardError("CONTEXT_INVALID", f"the archive's sha256 is {digest.hexdigest()}, not as announced")


@contextmanager
def _open(url: str) -> Iterator[IO[bytes]]:
    parts = urlsplit(url)
    if parts.scheme == "file":
        try:
            with Path(unquote(parts.path)).open("rb") as file:
                yield file
        except FileNotFoundError:
            raise BoatyardError("CONTEXT_MISSING", "the uploaded archive is no longer there") from None
        return
    if parts.scheme not in ("http", "https"):
        raise BoatyardError("CONTEXT_INVALID", f"an archive cannot be fetched by {parts.scheme or 'no scheme'}")
    try:
        # The scheme was checked above.
        with urlopen(Request(url, headers={"user-agent": "boatyard"}), timeout=_SECONDS) as answer:  # noqa: S310
            yield answer
    except HTTPError as error:
        if error.code in (404, 410):
            raise BoatyardError("CONTEXT_MISSING", "the uploaded archive is no longer there") from None
        raise _unavailable(parts.hostname, f"answered {error.code}") from None
    except (URLError, HTTPException, OSError) as error:
        if getattr(error, "errno", None):
            raise
        raise _unavailable(parts.hostname, "did not answer") from None


def _read(source: IO[bytes]) -> bytes:
    try:
        return source.read(_PIECE)
    except (HTTPException, TimeoutError, ConnectionError):
        raise _unavailable(None, "broke off") from None


def _unavailable(host: str | None, what: str) -> BoatyardError:
    return BoatyardError("DATAPLANE_UNAVAILABLE", f"the context store {host or ''} {what}".replace("  ", " "))
