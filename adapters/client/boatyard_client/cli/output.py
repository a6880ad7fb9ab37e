"""Where a command's answer goes: standard output. Whatever else it says goes to standard error."""

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click
import msgspec

F = TypeVar("F", bound=Callable[..., Any])


def json_option(command: F) -> F:
    """`--json`: the command answers with one JSON object."""
    return click.option("--json", "as_json", is_flag=True, help="Answer with one JSON object.")(command)


def url_option(command: F) -> F:
    return click.option("--url", default="", metavar="URL", help="The service to ask; by default BOATYARD_URL.")(
        command
    )


def scope_options(command: F) -> F:
    """`--project` and `--domain`; empty means the configuration's."""
    domain = click.option("--domain", default="", help="Domain; by default [client] of boatyard.toml, or development.")
    project = click.option("--project", default="", help="Project; by default [client] of boatyard.toml, or default.")
    return project(domain(command))


def print_json(value: object) -> None:
    """One line, so that a program can read it line by line."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """Something worth knowing that is not the answer."""
    click.echo(click.style(f"note: {text}", dim=True), err=True)
