"""Explains a failed build: the code, the layer, the last lines, advice."""

import click

from boatyard.build import Failure
from boatyard_client.display.text import printable
from boatyard_client.errors import BuildFailedError


def explain(error: BuildFailedError) -> None:
    """Writes the explanation to standard error."""
    failure = error.failure
    click.echo(click.style(f"✗ {printable(failure.code)}", fg="red", bold=True) + _place(failure), err=True)
    click.echo(f"  {' '.join(printable(failure.message).split())}", err=True)
    if failure.log_tail:
        click.echo(click.style("  last lines of the log", bold=True), err=True)
        for line in failure.log_tail:
            click.echo(f"    {printable(line)}", err=True)
    click.echo(f"{click.style('  what to do', bold=True)}  {' '.join(printable(failure.advice).split())}", err=True)
    click.echo(f"{click.style('  whole log', bold=True)}   boatyard logs {printable(error.build.id)}", err=True)


def _place(failure: Failure) -> str:
    if failure.layer_index is None:
        return ""
    call = f", {printable(failure.sdk_call)}" if failure.sdk_call else ""
    return f" in layer {failure.layer_index}{call}"
