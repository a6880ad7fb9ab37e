"""`boatyard build FILE`."""

from typing import TYPE_CHECKING, Any

import click

from boatyard_client.cli.inputs import all_option, drafts_of, input_options, order_of, say_left_out
from boatyard_client.cli.output import json_option, note, print_json, scope_options, url_option

if TYPE_CHECKING:
    from boatyard_client.client import Outcome


@click.command()
@click.argument("file")
@input_options
@all_option
@scope_options
@click.option("--force", is_flag=True, help="Build from scratch, without the existing image and the cache.")
@click.option("--no-wait", "--detach", "-d", "detach", is_flag=True, help="Start the build and exit.")
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    metavar="NAME=env:VAR|file:PATH",
    help="Set a build secret first; may be repeated.",
)
@url_option
@json_option
def build(
    file: str,
    force: bool,
    detach: bool,
    secrets: tuple[str, ...],
    url: str,
    as_json: bool,
    registry: str,
    name: str,
    project: str,
    domain: str,
    tags: tuple[str, ...],
    **given: Any,
) -> None:
    """Build an image, unless the registry has it.

    The last line of standard output is the image, as repository@sha256:…; progress is on standard error. Ctrl-C
    leaves the build running. With --all it prints a line for each image: its name in the file, then the image.
    """
    from boatyard_client.cli.secret import parse_sources, put
    from boatyard_client.client import Client
    from boatyard_client.display.show import shown
    from boatyard_client.endpoint import is_loopback, require_endpoint
    from boatyard_client.errors import Interrupted

    endpoint = require_endpoint(url)
    values = parse_sources(secrets)
    every = given.pop("every")
    for draft in drafts_of(file, every=every, **given):
        draft.check(local=is_loopback(endpoint.url))
        with shown(silent=as_json) as story, Client(endpoint, on_event=story.tell) as client:
            contents = draft.read(story.reading)
            order = order_of(
                draft, contents, registry=registry, name=name, project=project, domain=domain, tags=tags, force=force
            )
            for secret_name, value in values.items():
                put(client, secret_name, value, project=order.project, domain=order.domain)
            try:
                outcome = draft.ensure(client, order, contents, wait=not detach, tell=story.tell)
            except KeyboardInterrupt:
                if story.build_id:
                    raise Interrupted(_still_running(story.build_id)) from None
                raise
        say_left_out(contents)
        _show(outcome, as_json=as_json, which=draft.which(every))


def _show(outcome: "Outcome", *, as_json: bool, which: dict[str, str]) -> None:
    """Prints an outcome. `which` identifies the image if the file has several."""
    from boatyard_client.display.text import printable

    answer = outcome.answer
    before = "".join(f"{printable(name)} " for name in which.values())
    if as_json:
        print_json(
            {
                "key": answer.key,
                "target": answer.target,
                "platforms": answer.platforms,
                "state": outcome.build.state if outcome.build else answer.state,
                "cached": answer.cached,
                "joined": answer.joined,
                "id": answer.id,
                "image": outcome.image,
                **({"build": outcome.build} if outcome.build else {}),
                **which,
            }
        )
    elif outcome.image:
        if answer.cached:
            note("cached")
        click.echo(before + printable(outcome.image))
    else:
        shown_id = printable(answer.id or "")
        note(f"follow it with `boatyard logs -f {shown_id}`")
        click.echo(before + shown_id)


def _still_running(build_id: str) -> str:
    return (
        f"build {build_id} continues; follow it with `boatyard logs -f {build_id}`, "
        f"stop it with `boatyard cancel {build_id}`"
    )
