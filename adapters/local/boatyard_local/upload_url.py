"""Signs upload URLs that only this server can create, for one archive and a limited time."""

import hmac
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import msgspec

from boatyard.errors import BoatyardError, Code
from boatyard.ports import Clock
from boatyard_local import durable

PREFIX: Final = "/contexts/"
VALID_SECONDS: Final = 3600
_KEY_BYTES: Final = 32


class Announced(msgspec.Struct, frozen=True):
    sha256: str
    size: int


class UploadUrls:
    """`base` is the server's own URL, such as http://127.0.0.1:8080."""

    def __init__(self, base: str, key: bytes) -> None:
        self._base = base.rstrip("/")
        self._key = key

    def sign(self, sha256: str, size: int, clock: Clock) -> str:
        """Valid for VALID_SECONDS."""
        ends = int(clock.now()) + VALID_SECONDS, int(clock.monotonic()) + VALID_SECONDS
        query = {"size": size, "expires": ends[0], "until": ends[1], "token": self._token(sha256, size, *ends)}
        return f"{self._base}{PREFIX}{sha256}?{urlencode(query)}"

    def check(self, path: str, query: Mapping[str, str], clock: Clock) -> Announced:
        """The announced upload. Raises FORBIDDEN for a URL that was not signed here, was changed, or has expired."""
        sha256 = path.removeprefix(PREFIX)
        try:
            size, expires, until = int(query["size"]), int(query["expires"]), int(query["until"])
            token = query["token"].encode("ascii")
        except (KeyError, ValueError):
            raise BoatyardError(Code.FORBIDDEN, "this is not an upload URL that was issued here") from None
        if not hmac.compare_digest(token, self._token(sha256, size, expires, until).encode("ascii")):
            raise BoatyardError(Code.FORBIDDEN, "this is not an upload URL that was issued here")
        # Either clock suffices: the wall clock may have changed, or the machine may have rebooted.
        left = expires - clock.now(), until - clock.monotonic()
        if not any(0 < seconds <= VALID_SECONDS for seconds in left):
            raise BoatyardError(Code.FORBIDDEN, "the upload URL has expired; announce the context again")
        return Announced(sha256, size)

    def _token(self, sha256: str, size: int, expires: int, until: int) -> str:
        text = f"PUT {sha256} {size} {expires} {until}".encode("utf-8", "surrogatepass")
        return hmac.new(self._key, text, "sha256").hexdigest()


def load_key(path: Path) -> bytes:
    """The state folder's key, created on first use and kept, so that a restart invalidates no upload."""
    key = durable.read_private(path)
    if key is None or len(key) != _KEY_BYTES:
        key = secrets.token_bytes(_KEY_BYTES)
        durable.write(path, key)
    return key
