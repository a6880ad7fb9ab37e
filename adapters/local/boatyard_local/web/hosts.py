"""Checks Host headers, the pages that send requests, and the address to bind."""

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Final

from boatyard.errors import BoatyardError, Code

_LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
_HTTP_PORT: Final = 80


class Hosts:
    """Accepts only this server's own host names.

    A page in a browser can make its own name resolve to 127.0.0.1 (DNS rebinding) and then read the server's answers as
    its own. It cannot change the Host header, which still has the page's name.
    """

    def __init__(self, port: int, names: Iterable[str] = ()) -> None:
        """`names` are accepted besides the loopback names, on this port or on the default one."""
        allowed = {f"{name}:{port}" for name in _LOOPBACK}
        if port == _HTTP_PORT:
            allowed.update(_LOOPBACK)
        for name in names:
            allowed |= {name.lower(), f"{name.lower()}:{port}"}
        self._allowed = frozenset(allowed)

    def check(self, values: Iterable[str]) -> None:
        """Raises FORBIDDEN unless there is exactly one Host header, with an accepted name."""
        hosts = [value.strip().lower() for value in values]
        if len(hosts) != 1 or hosts[0] not in self._allowed:
            named = repr(hosts[0][:80]) if hosts else "none"
            raise BoatyardError(Code.FORBIDDEN, f"the Host header is {named}; this server answers on loopback only")

    def check_page(self, headers: Mapping[str, str]) -> None:
        """Raises FORBIDDEN for a request that a browser sends for another site's page.

        Not every request has a body whose type a page cannot choose: one without a body could cancel builds, or start
        registry lookups. Programs send neither header; browsers send at least one of them (Fetch Metadata, RFC 6454).
        """
        origin = headers.get("origin")
        foreign = origin is not None and origin.partition("://")[2].lower() not in self._allowed
        other = headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
        if foreign or (other and headers.get("sec-fetch-mode") != "navigate"):
            raise BoatyardError(Code.FORBIDDEN, "this comes from a page in a browser, which is not answered")


def loopback(host: str) -> str:
    """The address to bind. Raises ValueError with advice for an address that other machines could reach."""
    if host == "localhost":
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        raise ValueError(f"{host!r} is not an address; use 127.0.0.1") from None
    if not address.is_loopback:
        raise ValueError(
            f"{host} can be reached from other machines, and this server asks nobody who they are: use 127.0.0.1, "
            "and a proxy with a login before it where others must reach it"
        )
    return str(address)
