"""Origins (RFC 6454): connections, credentials and limits belong to one."""

from typing import NamedTuple
from urllib.parse import urlsplit


class Origin(NamedTuple):
    """The target of a connection. `port` is always set."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> "Origin":
        """Parses the origin of a URL.

        Raises ValueError for other schemes than http and https, without a host, with a user name, and for characters
        that no URL contains: `urlsplit` drops some of them, and an HTTP library may quote them.
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
    """Also False for other URLs than http and https."""
    try:
        return Origin.of(first) == Origin.of(second)
    except ValueError:
        return False
