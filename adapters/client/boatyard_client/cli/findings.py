"""Findings of a doctor, as lines."""

from typing import Final

import click

from boatyard.finding import Finding
from boatyard_client.display.text import printable

MARKS: Final = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red"), "unknown": ("?", "yellow")}


def show(finding: Finding, *, width: int) -> None:
    """A line, and one below it with what to do. `width`: columns of the check's name."""
    click.echo(f"{mark(finding.status)} {finding.check:<{width}}  {line(finding.detail)}")
    if finding.advice:
        click.echo(f"  {'':<{width}}  → {line(finding.advice)}")


def mark(status: str) -> str:
    sign, colour = MARKS[status]
    return click.style(sign, fg=colour)


def line(text: str) -> str:
    """Parts of it come from elsewhere."""
    return printable(" ".join(text.split()))
