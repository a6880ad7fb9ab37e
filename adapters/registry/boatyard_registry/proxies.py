"""Finds the environment's proxy for an origin."""

import os
from base64 import b64encode
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from boatyard_registry.origin import Origin


class Proxy(NamedTuple):
    url: str
    """Without user name and password."""
    authorization: str
    """The value of Proxy-Authorization, or ""."""

    @property
    def headers(self) -> dict[str, str]:
        return {"proxy-authorization": self.authorization} if self.authorization else {}


def proxy_for(origin: Origin) -> Proxy | None:
    """Applies http_proxy, https_proxy and no_proxy. Loopback addresses never use a proxy."""
    if origin.host in ("localhost", "::1") or origin.host.startswith("127."):
        return None
    if not any(name.lower() == f"{origin.scheme}_proxy" and value for name, value in os.environ.items()):
        return None
    from urllib.request import getproxies_environment, proxy_bypass  # imported only with a proxy: it takes 30 ms

    url = getproxies_environment().get(origin.scheme)
    if not url or proxy_bypass(str(origin)):
        return None
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if not parts.hostname:
        return None
    authorization = ""
    if parts.username:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = "Basic " + b64encode(pair.encode()).decode("ascii")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    scheme, port = ("https", 443) if parts.scheme == "https" else ("http", 3128)
    return Proxy(f"{scheme}://{host}:{parts.port or port}", authorization)
