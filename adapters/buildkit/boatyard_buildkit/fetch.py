"""Fetches the context's archive and checks its size and sha256."""

import hashlib
from pathlib import Path
from typing import IO, Final
from urllib.parse import unquote, urlsplit

from boatyard.context import Context
from boatyard.errors import BoatyardError, Code

_PIECE: Final = 1024 * 1024


def fetch(context: Context, url: str, target: Path, *, refusal_url: str = "") -> None:
    """Writes the archive to `target`.

    Raises CONTEXT_INVALID if its size or sha256 differ, CONTEXT_MISSING if it does not exist, and
    DATAPLANE_UNAVAILABLE if the store does not answer. An archive that differs is removed by `refusal_url`, so that the
    right one can be uploaded. A URL may be signed: no error quotes it.
    """
    try:
        _fetch(context, url, target)
    except BoatyardError as error:
        if error.code != Code.CONTEXT_INVALID or not refusal_url:
            raise
        from boatyard_buildkit.fetch_http import delete

        outcome = "it was removed" if delete(refusal_url) else "it could not be removed from the store"
        raise BoatyardError(Code.CONTEXT_INVALID, f"{error.detail}; {outcome}") from None


def _fetch(context: Context, url: str, target: Path) -> None:
    digest = hashlib.sha256()
    size = 0
    with _open(url) as source, target.open("xb") as file:
        while piece := source.read(_PIECE):
            size += len(piece)
            if size > context.size:
                break
            digest.update(piece)
            file.write(piece)
    if size != context.size:
        more = "more than" if size > context.size else f"{size:,} bytes, not"
        raise BoatyardError(Code.CONTEXT_INVALID, f"the archive has {more} the {context.size:,} bytes announced")
    if digest.hexdigest() != context.sha256:
        raise BoatyardError(Code.CONTEXT_INVALID, f"the archive's sha256 is {digest.hexdigest()}, not as announced")


def _open(url: str) -> IO[bytes]:
    parts = urlsplit(url)
    if parts.scheme in ("http", "https"):
        from boatyard_buildkit.fetch_http import open_url  # 40 ms that a local build does not need

        return open_url(url)
    if parts.scheme != "file":
        raise BoatyardError(Code.CONTEXT_INVALID, f"an archive cannot be fetched by {parts.scheme or 'no scheme'}")
    try:
        return Path(unquote(parts.path)).open("rb")
    except FileNotFoundError:
        raise BoatyardError(Code.CONTEXT_MISSING, "the uploaded archive is no longer there") from None
