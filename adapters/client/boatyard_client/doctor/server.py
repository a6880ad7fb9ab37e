"""Checks whether the service answers, and its description of itself."""

from typing import Final

from boatyard.api.handlers import VERSION
from boatyard.errors import Code
from boatyard.finding import Finding, fail, ok, unknown, warn
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
    detail = f"{url} answers: {capabilities.cloud}, version {capabilities.version}"
    if capabilities.version != VERSION:
        return warn("server", f"{detail}; this client is {VERSION}", "Install the same version on both sides.")
    return ok("server", detail)


def commands(client: Client) -> Finding:
    """Whether builds may run commands: a deployment of functions alone has nothing to run them in."""
    try:
        capabilities = client.capabilities()
    except ClientError as error:
        return unknown("commands", f"the service does not answer: {error.detail}", "See the line above.")
    runners, platforms = capabilities.runners, ", ".join(capabilities.platforms)
    if runners == ("inline",):
        return ok(
            "commands",
            "none can run: functions make the images, so apt packages, commands, packages without a wheel and "
            "Dockerfiles are refused. The operator can add a build service (BOATYARD_INLINE_OTHER)",
        )
    if "inline" in runners:
        others = ", ".join(name for name in runners if name != "inline")
        return ok("commands", f"run in {others}, on {platforms}; functions make images that need none")
    return ok("commands", f"run in {', '.join(runners)}, on {platforms}")


def base_image(client: Client, image: str) -> Finding:
    """Asks the service, which uses its own credentials."""
    try:
        found = client.image(image)
    except ApiError as error:
        if error.code == Code.FORBIDDEN:
            return ok("base image", "the service does not look up images outside its own repositories")
        return warn("base image", f"{image}: {error.detail}", error.advice)
    return ok("base image", f"{image} is {found.digest[:19]}…")
