"""Origins (RFC 6454): what a connection, a credential and a limit belong to."""

from typing import NamedTuple
from urllib.parse import urlsplit


class Origin(NamedTuple):
    """Where a connection leads. `port` is never left out."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> "Origin":
        """Raises ValueError for a URL that is not http or https, has no host, names a user, or has other characters
        than a URL may have: `urlsplit` drops some of them, and an HTTP library may quote them.
        """
        if not url.isascii() or not url.isprintable() or " " in url:
            raise ValueError("not a URL")
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise ValueError("not an http URL")
        return cls(parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def same_origin(first: str, second: str) -> bool:
    """False too for what is no http URL."""
    try:
        return Origin.of(first) == Origin.of(second)
    except ValueError:
        return False
