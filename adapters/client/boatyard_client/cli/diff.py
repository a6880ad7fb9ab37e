"""`boatyard diff A B`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from boatyard_client.cli.output import json_option, print_json

if TYPE_CHECKING:
    from boatyard.diff import Difference, Side
    from boatyard.settings import Settings

_FILES_SHOWN = 20
_FOLDER = click.Path(path_type=Path)


@click.command()
@click.argument("a")
@click.argument("b")
@click.option("--image", "image_a", default="", metavar="NAME", help="Which image of flyte file A, and of B.")
@click.option("--image-b", default="", metavar="NAME", help="Which image of B, if not the same.")
@click.option("--context", "context_a", type=_FOLDER, metavar="DIR", help="Context folder of A, and of B.")
@click.option("--context-b", type=_FOLDER, metavar="DIR", help="Context folder of B, if not the same.")
@click.option("--settings", type=_FOLDER, metavar="FILE", help="The deployment's settings.")
@json_option
def diff(
    a: str,
    b: str,
    image_a: str,
    image_b: str,
    context_a: Path | None,
    context_b: Path | None,
    settings: Path | None,
    as_json: bool,
) -> None:
    """Explain why two images have different keys.

    A and B are files as for `plan`; they may be one file with two images. It calls no service. Exit code 0: the keys
    are equal; 1: they differ; 2: an error. With isolation = project a service computes other keys, which differ for the
    same reasons.
    """
    from boatyard.diff import differences
    from boatyard_client.settings_file import find_settings

    found, _ = find_settings(settings)
    key_a, side_a = _side(a, found, image=image_a, context=context_a)
    key_b, side_b = _side(b, found, image=image_b or image_a, context=context_b or context_a)
    changes = differences(side_a, side_b)
    if as_json:
        print_json({"same": key_a == key_b, "keyA": key_a, "keyB": key_b, "differences": changes})
    elif key_a == key_b:
        click.echo(f"same key: {key_a}")
    else:
        click.echo(f"{key_a[:32]} → {key_b[:32]}")
        for difference in changes:
            _show(difference)
    sys.exit(0 if key_a == key_b else 1)


def _side(file: str, settings: "Settings", **given: Any) -> "tuple[str, Side]":
    """The key of a file's image, and its part of the comparison."""
    from boatyard.diff import Side
    from boatyard.order import ground_of
    from boatyard_client.cli.inputs import draft_of, order_of
    from boatyard_client.planning import plan_here

    draft = draft_of(file, **given)
    contents = draft.read()
    plan = plan_here(order_of(draft, contents), settings).plan
    context, entries = (contents.context, contents.entries) if contents else (None, ())
    ground = ground_of(draft.spec, settings, registry_secret=draft.registry_secret)
    return plan.keys.image, Side(spec=draft.spec, ground=ground, context=context, entries=entries)


def _show(difference: "Difference") -> None:
    click.echo(f"  {difference.text}")
    if difference.what == "dockerfile" or (difference.details and difference.before != difference.after):
        for line in difference.details[:_FILES_SHOWN]:
            click.echo(f"      {line}")
    for change in difference.files[:_FILES_SHOWN]:
        click.echo(f"      {change.change} {change.path}")
    if len(difference.files) > _FILES_SHOWN:
        click.echo(f"      and {len(difference.files) - _FILES_SHOWN} more")
