"""Prints a command's answer on standard output, and everything else on standard error."""

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click
import msgspec

F = TypeVar("F", bound=Callable[..., Any])


def json_option(command: F) -> F:
    """Adds `--json`: the command answers with one JSON object."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(command)


def url_option(command: F) -> F:
    return click.option("--url", default="", metavar="URL", help="The service's address; by default BOATYARD_URL.")(
        command
    )


def scope_options(command: F) -> F:
    """Adds `--project` and `--domain`; empty values mean the configuration's."""
    domain = click.option("--domain", default="", help="Domain; by default [client] of boatyard.toml, or development.")
    project = click.option("--project", default="", help="Project; by default [client] of boatyard.toml, or default.")
    return project(domain(command))


def print_json(value: object) -> None:
    """Prints one line, so that programs can read line by line."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """Prints a note beside the answer."""
    click.echo(click.style(f"note: {text}", dim=True), err=True)
