"""Checks the token of a state folder, so that only those who can read the folder may send requests.

Loopback is not a boundary: other users, scripts of web pages and RUN steps on the host's network reach the port too.
"""

import hmac
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from boatyard.errors import BoatyardError, Code
from boatyard_local import durable

OPEN: Final = frozenset({"/healthz", "/openapi.json"})
"""Public paths, which reveal nothing about the deployment and start nothing."""

_BYTES: Final = 32
_SCHEME: Final = b"bearer"


class Bearer:
    """`Authorization: Bearer <token>`, RFC 6750."""

    def __init__(self, token: str) -> None:
        self._token = token.encode("ascii")

    def __repr__(self) -> str:
        return "Bearer(…)"

    def check(self, path: str, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Raises UNAUTHENTICATED unless the request has exactly one valid token. Compares in constant time."""
        if path in OPEN:
            return
        given = [value for name, value in headers if name == b"authorization"]
        scheme, _, token = given[0].partition(b" ") if len(given) == 1 else (b"", b"", b"")
        if not hmac.compare_digest(token.strip(), self._token) or scheme.lower() != _SCHEME:
            what = "does not know that token" if given else "answers only who sends its token"
            raise BoatyardError(
                Code.UNAUTHENTICATED,
                f"this server {what}: run the command in the folder of its .boatyard/, or set BOATYARD_TOKEN_FILE to "
                "the file `token` in there",
            )


def make_token(path: Path) -> str:
    """Creates a token for this start of the server, in a file that only its owner can read.

    An existing token is replaced: it may come from a folder that someone else packed, who then knows it. Clients with
    the old token read the file again. Raises DISK_FULL or DATAPLANE_UNAVAILABLE.
    """
    token = secrets.token_urlsafe(_BYTES)
    durable.write(path, token.encode("ascii"))
    return token
