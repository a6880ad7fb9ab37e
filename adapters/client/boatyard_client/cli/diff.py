"""`boatyard diff A B`: of two specs, or of two locks."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from boatyard_client.cli.lock import locked
from boatyard_client.cli.output import json_option, print_json

if TYPE_CHECKING:
    from boatyard.diff import Difference, Side
    from boatyard.settings import Settings
    from boatyard_client.locked import Locked

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
    """Explain why two images have different keys, or which versions changed between two images.

    A and B are files as for `plan`; they may be one file with two images. It calls no service. Exit code 0: the keys
    are equal; 1: they differ; 2: an error. With isolation = project a service computes other keys, which differ for the
    same reasons.

    If A or B is an image such as ghcr.io/acme/image:tag, or a pylock.toml that `boatyard lock` printed, their locks are
    compared instead: exit code 0 means equal versions.
    """
    from boatyard.diff import differences
    from boatyard_client.locked import is_image, is_lock
    from boatyard_client.settings_file import find_settings

    if any(is_image(each) or is_lock(each) for each in (a, b)):
        given_a = {"image": image_a, "context": context_a}
        given_b = {"image": image_b or image_a, "context": context_b or context_a}
        sys.exit(_compare_locks(locked(a, settings, "", **given_a), locked(b, settings, "", **given_b), as_json))
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


def _compare_locks(a: "Locked", b: "Locked", as_json: bool) -> int:
    """Prints what differs between two locks. Returns the exit code."""
    from boatyard.lock.versions import version_changes

    before, after = a.lock, b.lock
    platforms = [", ".join(each.platform for each in lock.platforms) for lock in (before, after)]
    rows = [
        *([f"python: {before.python} → {after.python}"] if before.python != after.python else []),
        *([f"platforms: {platforms[0]} → {platforms[1]}"] if platforms[0] != platforms[1] else []),
    ]
    changes = version_changes(before, after)
    same = not rows and not changes
    if as_json:
        print_json({"same": same, "a": a.origin, "b": b.origin, "differences": rows, "versions": changes})
    elif same:
        click.echo("same versions")
    else:
        click.echo(f"{a.origin} → {b.origin}")
        for row in (*rows, *(change.text for change in changes)):
            click.echo(f"  {row}")
    return 0 if same else 1


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
