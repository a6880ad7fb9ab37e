"""`boatyard logs ID`."""

import sys
from typing import TYPE_CHECKING

import click

from boatyard_client.cli.output import json_option, note, print_json, url_option

if TYPE_CHECKING:
    from boatyard_client.client import Client


@click.command()
@click.argument("build_id", metavar="ID")
@click.option("-f", "--follow", is_flag=True, help="Follow the log until the build ends.")
@url_option
@json_option
def logs(build_id: str, follow: bool, url: str, as_json: bool) -> None:
    """Show the log of a build.

    With --follow it ends when the build does, with exit code 1 if there is no image. With --follow and --json every
    event is one JSON object in a line, the last of them the build.
    """
    from boatyard_client.client import Client

    with Client(url) as client:
        if follow:
            _follow(client, build_id, as_json)
            return
        lines: list[str] = []
        page = client.logs(build_id)
        while True:
            if as_json:
                lines.extend(page.lines)
            else:
                _print(page.lines)
            if page.done or not page.lines:
                break
            page = client.logs(build_id, page.cursor)
        if as_json:
            print_json({"id": build_id, "lines": lines, "cursor": page.cursor, "done": page.done})


def _follow(client: "Client", build_id: str, as_json: bool) -> None:
    from boatyard.build import State
    from boatyard_client.cli.refusal import one_line
    from boatyard_client.errors import BuildFailedError
    from boatyard_client.events import Event, Log, Waiting

    shown = ""

    def tell(event: Event) -> None:
        nonlocal shown
        if as_json:
            print_json(event)
        elif isinstance(event, Log):
            _print(event.lines)
            shown = ""
        elif isinstance(event, Waiting) and event.reason != shown:
            shown = event.reason
            note(f"{one_line(event.reason)}; trying again")

    build = client.follow(build_id, on_event=tell)
    if as_json:
        print_json({"event": "ended", "build": build})
    elif build.state is State.SUCCEEDED:
        click.echo(build.image, err=True)
    if build.state is not State.SUCCEEDED:
        if as_json:
            sys.exit(1)
        raise BuildFailedError(build)


def _print(lines: tuple[str, ...]) -> None:
    from boatyard_client.display.text import printable

    clean = sys.stdout.isatty()
    for line in lines:
        sys.stdout.write((printable(line) if clean else line) + "\n")
    sys.stdout.flush()
