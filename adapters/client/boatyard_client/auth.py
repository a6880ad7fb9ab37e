"""Who we are, to the deployment at an address.

A cloud's edge asks for credentials that only that cloud's own SDK can make. A distribution that has it
offers an entry point in the group below: a function that takes the deployment's address and returns an
`httpx.Auth`, or None if the address is not of its cloud. On loopback nobody is asked.
"""

from importlib.metadata import entry_points
from typing import Final

import httpx

from boatyard_client.endpoint import is_loopback
from boatyard_client.errors import ConfigError

GROUP: Final = "boatyard.auth"


def find_auth(url: str) -> httpx.Auth | None:
    """The first answer of the installed entry points, by name; None when no one claims the address."""
    if is_loopback(url):
        return None
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            found = point.load()(url)
        except Exception as error:
            raise ConfigError(f"credentials for {url} ({point.name}): {error}") from error
        if isinstance(found, httpx.Auth):
            return found
    return None
