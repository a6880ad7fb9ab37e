"""`boatyard builds`."""

import time
from typing import TYPE_CHECKING

import click

from boatyard_client.cli.output import json_option, print_json, url_option

if TYPE_CHECKING:
    from boatyard.build import Build

_STATES = ["PENDING", "QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "ERRORED", "TIMED_OUT", "CANCELLED"]
_LARGEST_PAGE = 500


@click.command()
@click.option("--project", default="", help="Only builds of this project.")
@click.option("--domain", default="", help="Only builds of this domain.")
@click.option("--state", type=click.Choice(_STATES, case_sensitive=False), help="Only builds in this state.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="The maximum number of builds."
)
@url_option
@json_option
def builds(project: str, domain: str, state: str | None, limit: int, url: str, as_json: bool) -> None:
    """List builds, newest first."""
    from boatyard.build import State
    from boatyard_client.client import Client

    found: list[Build] = []
    token = ""
    with Client(url) as client:
        while len(found) < limit:
            page = client.builds(
                project=project or None,
                domain=domain or None,
                state=State(state.upper()) if state else None,
                page_size=min(limit - len(found), _LARGEST_PAGE),
                page_token=token,
            )
            found.extend(page.builds)
            token = page.next_page_token
            if not token:
                break
    if as_json:
        print_json({"builds": found[:limit], "nextPageToken": token})
    else:
        _table(found[:limit])


def _table(found: "list[Build]") -> None:
    rows = [("ID", "STATE", "AGE", "TOOK", "PROJECT", "IMAGE OR REASON"), *map(_row, found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        click.echo("  ".join([*cells, row[-1]]).rstrip())


def _row(build: "Build") -> tuple[str, ...]:
    from boatyard_client.display.text import printable

    now = time.time()
    took = (build.finished_at or now) - build.started_at if build.started_at else None
    reason = f"{build.error.code}: {build.error.message}" if build.error else ""
    return (
        printable(build.id),
        build.state.value if build.phase is None or build.state.ended else f"{build.state.value} {build.phase.value}",
        _age(now - build.created_at),
        _age(took) if took is not None else "-",
        printable(f"{build.project}/{build.domain}"),
        printable(" ".join((build.image or reason or build.target).split())),
    )


def _age(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{int(seconds // length)} {unit}"
    return f"{max(int(seconds), 0)} s"
