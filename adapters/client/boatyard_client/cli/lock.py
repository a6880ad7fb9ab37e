"""`boatyard lock FILE`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from boatyard_client.cli.inputs import input_options
from boatyard_client.cli.output import json_option, note, print_json, scope_options, url_option

if TYPE_CHECKING:
    from boatyard_client.locked import Locked

_SHOWN = 3


@click.command()
@click.argument("file")
@input_options
@scope_options
@click.option(
    "--settings", type=click.Path(path_type=Path), metavar="FILE", help="Find the image here, with these settings."
)
@url_option
@json_option
def lock(file: str, settings: Path | None, url: str, as_json: bool, **given: Any) -> None:
    """Show which versions of packages an image has, as pylock.toml (PEP 751).

    FILE is an input file as for `plan`, or an image such as ghcr.io/acme/image:tag. The lock is read from the image's
    registry, with this machine's `docker login`. Nothing is resolved or built: the image must exist, and its build must
    have recorded a lock. `uv pip sync pylock.toml` installs the same versions elsewhere.
    """
    found = locked(file, settings, url, **given)
    if as_json:
        print_json({"image": found.origin, "lock": found.lock})
        return
    import tomli_w

    from boatyard.lock.pylock import to_document

    note(f"the lock of {found.origin}")
    _say_without_wheels(found)
    click.echo(tomli_w.dumps(to_document(found.lock)), nl=False)


def locked(file: str, settings: Path | None, url: str, **given: Any) -> "Locked":
    """The lock of a file's image, of an image, or in a pylock.toml."""
    from boatyard_client.locked import is_image, is_lock, lock_in_file, lock_of_image
    from boatyard_client.settings_file import find_settings

    if is_lock(file):
        return lock_in_file(file)
    found, _ = find_settings(settings)
    if is_image(file):
        return lock_of_image(file, found)
    return lock_of_image(
        _target(file, settings, url, **given), found, advice=f"Build it first: `boatyard build {file}`."
    )


def _target(file: str, settings: Path | None, url: str, **given: Any) -> str:
    """The reference that a build of the file pushes to."""
    from boatyard_client.cli.inputs import draft_of, order_of
    from boatyard_client.cli.planned import planned
    from boatyard_client.endpoint import find_endpoint
    from boatyard_client.errors import InputError

    ordered = {name: given.pop(name) for name in ("project", "domain", "tags", "registry", "name") if name in given}
    draft = draft_of(file, **given)
    order = order_of(draft, draft.read(), **ordered)
    answer, _, here = planned(order, None if settings else find_endpoint(url), settings)
    if here and here.placeholder_target:
        raise InputError(
            f"no repository is configured, so {file} has no image",
            advice="Give --registry or an image's reference, or run `boatyard serve`.",
        )
    if here and not here.services_key:
        note("with isolation = project only the service can compute the image's tag; give --url, or the image")
    return answer.target


def _say_without_wheels(found: "Locked") -> None:
    names = {
        package.name
        for platform in found.lock.platforms
        for package in platform.installed.values()
        if not package.wheels
    }
    if names:
        shown = ", ".join(sorted(names)[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
        note(f"only below tool.boatyard, because no wheel of them is known: {shown}")
