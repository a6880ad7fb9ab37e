"""Formats a doctor's findings as lines."""

from typing import Final

import click

from boatyard.finding import Finding
from boatyard_client.display.text import printable

MARKS: Final = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red"), "unknown": ("?", "yellow")}


def show(finding: Finding, *, width: int) -> None:
    """Prints a finding, and its advice on a second line. `width` is the width of the check's name."""
    click.echo(f"{mark(finding.status)} {finding.check:<{width}}  {line(finding.detail)}")
    if finding.advice:
        click.echo(f"  {'':<{width}}  → {line(finding.advice)}")


def mark(status: str) -> str:
    sign, colour = MARKS[status]
    return click.style(sign, fg=colour)


def line(text: str) -> str:
    """Removes control characters, because parts of the text come from other machines."""
    return printable(" ".join(text.split()))
