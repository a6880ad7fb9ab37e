"""`boatyard secret create|list|delete`, and the values that `boatyard build --secret` sets."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from boatyard_client.cli.output import json_option, note, print_json, scope_options, url_option
from boatyard_client.endpoint import find_client_settings
from boatyard_client.errors import InputError, UsageError

if TYPE_CHECKING:
    from boatyard_client.client import Client


@click.group()
def secret() -> None:
    """Set, list and delete secrets of a project and domain."""


@secret.command("create", context_settings={"allow_extra_args": True})
@click.pass_context
@click.argument("name")
@click.option("--type", "kind", type=click.Choice(["build", "image_pull"]), default=None, help="By default build.")
@click.option("--from", "source", default="", metavar="env:VAR|file:PATH", help="The source of the value.")
@click.option("--from-docker-config", is_flag=True, help="Use this machine's logins from `docker login`.")
@click.option("--docker-config", "path", type=click.Path(path_type=Path), help="A config.json instead of Docker's own.")
@click.option("--registries", multiple=True, metavar="HOST[,HOST…]", help="The logins' registries, such as ghcr.io.")
@click.option("--username", default="", help="The user name, for one registry.")
@click.option("--password-stdin", is_flag=True, help="Read the password or token from standard input.")
@scope_options
@url_option
@json_option
def create_secret(
    context: click.Context,
    name: str,
    kind: Literal["build", "image_pull"] | None,
    source: str,
    from_docker_config: bool,
    path: Path | None,
    registries: tuple[str, ...],
    username: str,
    password_stdin: bool,
    project: str,
    domain: str,
    url: str,
    as_json: bool,
) -> None:
    """Set a secret, or replace the one of the same name. Its value is never shown again.

    A build secret's value comes from --from, from standard input, or from a prompt. Builds use it by its name: a flyte
    Secret's key, or <group>_<key>.

    An image_pull secret is a login to registries, which registry_secret="NAME" of a flyte image names:

    \b
      boatyard secret create ghcr --type image_pull --from-docker-config --registries ghcr.io
      boatyard secret create ghcr --registries ghcr.io --username me --password-stdin < token
    """
    from boatyard_client.client import Client

    if context.args:
        # click would print the argument, which may be the secret itself.
        raise UsageError("the value cannot be an argument: give it with --from, on standard input or at the prompt")
    hosts = [host.strip() for entry in registries for host in entry.split(",") if host.strip()]
    is_login = from_docker_config or bool(path) or bool(hosts) or bool(username) or password_stdin
    if is_login and (source or kind == "build"):
        raise UsageError("a login is an image_pull secret, without --from")
    scope = _scope(project, domain)
    if is_login:
        value = _logins(hosts, path, username, password_stdin, from_docker_config=from_docker_config or bool(path))
    else:
        value = read(source, name) if source else _typed(name)
    chosen: Literal["build", "image_pull"] = "image_pull" if is_login else kind or "build"
    with Client(url) as client:
        put(client, name, value, kind=chosen, **scope)
    if as_json:
        print_json({"name": name, "kind": chosen, "registries": hosts, **scope})
    else:
        click.echo(f"set {name} for {scope['project']}/{scope['domain']}", err=True)


@secret.command("list")
@scope_options
@url_option
@json_option
def list_secrets(project: str, domain: str, url: str, as_json: bool) -> None:
    """List the names and kinds of secrets."""
    from boatyard_client.client import Client
    from boatyard_client.display.text import printable

    scope = _scope(project, domain)
    with Client(url) as client:
        answer = client.secrets(**scope)
    if as_json:
        print_json(answer)
        return
    if not answer.secrets:
        note(f"{scope['project']}/{scope['domain']} has no secrets")
    width = max((len(known.name) for known in answer.secrets), default=0)
    for known in answer.secrets:
        click.echo(f"{printable(known.name):{width}}  {printable(known.kind)}")


@secret.command("delete")
@click.argument("name")
@scope_options
@url_option
@json_option
def delete_secret(name: str, project: str, domain: str, url: str, as_json: bool) -> None:
    """Delete a secret. Builds that run have its value already."""
    from boatyard_client.client import Client

    scope = _scope(project, domain)
    with Client(url) as client:
        client.delete_secret(name, **scope)
    if as_json:
        print_json({"name": name, **scope})
    else:
        click.echo(f"deleted {name} of {scope['project']}/{scope['domain']}", err=True)


def _scope(project: str, domain: str) -> dict[str, str]:
    configured = find_client_settings()
    return {
        "project": project or configured.project or "default",
        "domain": domain or configured.domain or "development",
    }


def _logins(
    hosts: list[str], path: Path | None, username: str, password_stdin: bool, *, from_docker_config: bool
) -> str:
    """A Docker config JSON with the requested logins."""
    from boatyard import docker_config

    if not hosts:
        raise UsageError("--registries names the login's registry, such as --registries ghcr.io")
    if from_docker_config:
        if username or password_stdin:
            raise UsageError("the login comes from --from-docker-config or from --username, not from both")
        from boatyard_client import docker_login

        logins = docker_login.read(hosts, path)
        for host in logins:
            if host.endswith(docker_login.SHORT_LIVED):
                note(f"the login for {host} may expire within hours; grant the builder's own identity access instead")
        return docker_config.encode(logins)
    if not username:
        raise UsageError("a login is --username with --password-stdin, or --from-docker-config")
    if len(hosts) > 1:
        raise UsageError("a name and password belong to one registry; set one secret for each registry")
    if not password_stdin and not sys.stdin.isatty():
        raise UsageError("the password comes from standard input with --password-stdin")
    return docker_config.encode({hosts[0]: docker_config.login(username, _typed("password"))})


def parse_sources(options: Iterable[str]) -> dict[str, str]:
    """Parses `NAME=env:VAR` and `NAME=file:PATH` and reads the values. Raises UsageError, which never contains one."""
    values: dict[str, str] = {}
    for option in options:
        name, equals, source = option.partition("=")
        if not equals or not name:
            # The argument may be the secret itself, so the error does not repeat it.
            raise UsageError("--secret takes NAME=env:VAR or NAME=file:PATH")
        values[name] = read(source, name)
    return values


def read(source: str, name: str) -> str:
    """The value at `env:VAR` or `file:PATH`. Of a file's text, one trailing newline is removed."""
    kind, colon, place = source.partition(":")
    if kind not in ("env", "file") or not colon or not place:
        raise UsageError(f"the value of secret {name} comes from env:VAR or file:PATH")
    if kind == "env":
        value = os.environ.get(place)
        if value is None:
            raise InputError(f"secret {name}: there is no environment variable {place}")
        return _not_empty(value, name)
    try:
        return _not_empty(_trimmed(Path(place).expanduser().read_text("utf-8")), name)
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
    return _not_empty(_trimmed(sys.stdin.read()), name)


def _trimmed(value: str) -> str:
    """Removes the newline that editors and `echo` add. A PEM block keeps it: OpenSSH requires it."""
    return value if value.startswith("-----BEGIN ") else value.removesuffix("\n")


def _not_empty(value: str, name: str) -> str:
    if not value:
        raise InputError(f"secret {name}: the value is empty")
    return value
