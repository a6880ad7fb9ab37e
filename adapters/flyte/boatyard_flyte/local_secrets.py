"""Sends secrets of this machine to a Boatyard server that runs on this machine.

flyte's own Docker builder reads a build secret from the variable GROUP_KEY or the file /etc/secrets/group_key. The
same image must build here without an additional step, so the plugin sets secrets that the local server lacks. It
never sends a value to a remote server, whose secrets are set by people with access to it. A loopback address may be a
forwarded port that leads to another machine. So the plugin never overwrites a secret, and only sends secrets that the
image names.
"""

import ipaddress
import os
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from boatyard.api.messages import OrderRequest, SecretRequest
from boatyard.errors import BoatyardError, Code
from boatyard_client.client import Client, Outcome
from boatyard_client.endpoint import Endpoint
from boatyard_client.errors import ApiError
from boatyard_client.events import OnEvent
from boatyard_client.packing import Contents
from boatyard_flyte.lowering import Lowered, NamedSecret

FOLDER: Final = Path("/etc/secrets")


def ensure_with_secrets(
    client: Client,
    lowered: Lowered,
    order: OrderRequest,
    contents: Contents | None,
    *,
    wait: bool,
    tell: OnEvent,
) -> Outcome:
    """Calls `Client.ensure_image`, and first sets secrets that the server lacks and this machine has."""
    try:
        return client.ensure_image(order, contents, wait=wait, on_event=tell)
    except ApiError as error:
        if error.code != Code.SECRET_NOT_FOUND or not is_local(client.endpoint):
            raise
        missing = error.missing
    _supply(client, lowered, order, missing)
    return client.ensure_image(order, contents, wait=wait, on_event=tell)


def is_local(endpoint: Endpoint) -> bool:
    """True if the server's address is a loopback address of this machine."""
    host = urlsplit(endpoint.url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _supply(client: Client, lowered: Lowered, order: OrderRequest, missing: tuple[str, ...]) -> None:
    known: dict[str, tuple[NamedSecret, Literal["build", "image_pull"]]] = {
        secret.name: (secret, "build") for secret in lowered.secrets
    }
    if lowered.registry_secret:
        known[lowered.registry_secret.name] = (lowered.registry_secret, "image_pull")
    for name in missing:
        if name not in known:
            raise BoatyardError(
                Code.SECRET_NOT_FOUND,
                f"{client.endpoint.url} requests the secret {name!r}, which the image does not name; it is not sent",
                missing=(name,),
            )
        secret, kind = known[name]
        value = find(secret)
        if value is None:
            raise BoatyardError(
                Code.SECRET_NOT_FOUND,
                f"the secret {name!r} is neither set at {client.endpoint.url} nor in the variable "
                f"{variable(secret)} or the file {FOLDER / name}",
                missing=(name,),
            )
        client.put_secret(name, SecretRequest(kind=kind, value=value, project=order.project, domain=order.domain))


def find(secret: NamedSecret) -> str | None:
    """The value as flyte's Docker builder finds it: the variable first, then the file."""
    if value := os.environ.get(variable(secret)):
        return value
    path = FOLDER / secret.name
    try:
        return path.read_text(encoding="utf-8") if path.is_file() else None
    except (OSError, UnicodeDecodeError) as error:
        raise BoatyardError(Code.SECRET_NOT_FOUND, f"{path} cannot be read: {error}", missing=(secret.name,)) from None


def variable(secret: NamedSecret) -> str:
    return secret.name.upper()
