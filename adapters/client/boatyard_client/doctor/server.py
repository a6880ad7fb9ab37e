"""Checks whether the service answers, and its description of itself."""

from typing import Final

from boatyard.api.handlers import VERSION
from boatyard.errors import Code
from boatyard.finding import Finding, fail, ok, warn
from boatyard_client.client import Client
from boatyard_client.errors import ApiError, ClientError
from boatyard_client.retry import Patience

PATIENCE: Final = Patience(seconds=4)


def check(client: Client | None) -> Finding:
    if client is None:
        return warn("server", "none is configured", "Start one with `boatyard serve`, or set BOATYARD_URL.")
    url = client.endpoint.url
    try:
        capabilities = client.capabilities()
    except ApiError as error:
        return fail("server", f"{url}: {error.code}: {error.detail}", error.advice)
    except ClientError as error:
        return fail("server", error.detail, error.advice or "Check the address and the network.")
    detail = f"{url} answers: {capabilities.cloud}, {', '.join(capabilities.platforms)}, version {capabilities.version}"
    if capabilities.version != VERSION:
        return warn("server", f"{detail}; this client is {VERSION}", "Install the same version on both sides.")
    return ok("server", detail)


def base_image(client: Client, image: str) -> Finding:
    """Asks the service, which uses its own credentials."""
    try:
        found = client.image(image)
    except ApiError as error:
        if error.code == Code.FORBIDDEN:
            return ok("base image", "the service does not look up images outside its own repositories")
        return warn("base image", f"{image}: {error.detail}", error.advice)
    return ok("base image", f"{image} is {found.digest[:19]}…")
