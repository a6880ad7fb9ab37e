"""`boatyard secret set NAME`, and the values that `boatyard build --secret` sets."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from boatyard_client.cli.output import json_option, print_json, scope_options, url_option
from boatyard_client.endpoint import find_client_settings
from boatyard_client.errors import InputError, UsageError

if TYPE_CHECKING:
    from boatyard_client.client import Client


@click.group()
def secret() -> None:
    """Set secrets of a project and domain."""


@secret.command("set")
@click.argument("name")
@click.option("--from", "source", default="", metavar="env:VAR|file:PATH", help="Where the value is.")
@click.option("--image-pull", is_flag=True, help="The value is a Docker config JSON, for pulling and pushing.")
@scope_options
@url_option
@json_option
def set_secret(name: str, source: str, image_pull: bool, project: str, domain: str, url: str, as_json: bool) -> None:
    """Set a secret, write-only. The value comes from --from, from standard input, or is asked for.

    Builds use it by its name: a flyte Secret's key, or <group>_<key>.
    """
    from boatyard_client.client import Client

    value = read(source, name) if source else _typed(name)
    configured = find_client_settings()
    scope = {
        "project": project or configured.project or "default",
        "domain": domain or configured.domain or "development",
    }
    with Client(url) as client:
        put(client, name, value, kind="image_pull" if image_pull else "build", **scope)
    if as_json:
        print_json({"name": name, **scope})
    else:
        click.echo(f"set {name} for {scope['project']}/{scope['domain']}", err=True)


def parse_sources(options: Iterable[str]) -> dict[str, str]:
    """`NAME=env:VAR` and `NAME=file:PATH` -> values. Raises UsageError, which never holds one."""
    values: dict[str, str] = {}
    for option in options:
        name, equals, source = option.partition("=")
        if not equals or not name:
            # What was given instead may be the secret itself, so it is not repeated.
            raise UsageError("--secret takes NAME=env:VAR or NAME=file:PATH")
        values[name] = read(source, name)
    return values


def read(source: str, name: str) -> str:
    """The value at `env:VAR` or `file:PATH`; a file's bytes exactly, but for one line end at its end."""
    kind, colon, place = source.partition(":")
    if kind not in ("env", "file") or not colon or not place:
        raise UsageError(f"the value of secret {name} comes from env:VAR or file:PATH")
    if kind == "env":
        value = os.environ.get(place)
        if value is None:
            raise InputError(f"secret {name}: there is no environment variable {place}")
        return _not_empty(value, name)
    try:
        return _not_empty(Path(place).expanduser().read_text("utf-8").removesuffix("\n"), name)
    except OSError as error:
        raise InputError(f"secret {name}: {place} cannot be read: {(error.strerror or '').lower()}") from None
    except UnicodeDecodeError:
        raise InputError(f"secret {name}: {place} is not UTF-8 text") from None


def put(
    client: "Client",
    name: str,
    value: str,
    *,
    project: str,
    domain: str,
    kind: Literal["build", "image_pull"] = "build",
) -> None:
    from boatyard.api.messages import SecretRequest

    client.put_secret(name, SecretRequest(kind=kind, value=value, project=project, domain=domain))


def _typed(name: str) -> str:
    if sys.stdin.isatty():
        value: str = click.prompt(f"value of {name}", hide_input=True, err=True)
        return _not_empty(value, name)
    return _not_empty(sys.stdin.read().removesuffix("\n"), name)


def _not_empty(value: str, name: str) -> str:
    if not value:
        raise InputError(f"secret {name}: the value is empty")
    return value
