"""The options that say what an input file means; `plan`, `diff` and `build` share them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from boatyard.api.messages import OrderRequest
from boatyard.target import Target
from boatyard_client.cli.output import note
from boatyard_client.endpoint import find_client_settings
from boatyard_client.inputs import Draft, Wanted, load
from boatyard_client.packing import Contents

F = TypeVar("F", bound=Callable[..., Any])

_FOLDER = click.Path(path_type=Path)


def input_options(command: F) -> F:
    for option in reversed(
        (
            click.option("--image", default="", metavar="NAME", help="Which image or environment of a flyte file."),
            click.option("--context", type=_FOLDER, metavar="DIR", help="Folder that copied files are relative to."),
            click.option("--registry", default="", help="Where the image goes, such as ghcr.io/acme."),
            click.option("--name", default="", help="The image's name in the registry."),
            click.option("--platform", multiple=True, help="linux/amd64 or linux/arm64; may be repeated."),
            click.option(
                "--copy-style",
                type=click.Choice(["loaded_modules", "all", "none"]),
                default="loaded_modules",
                help="As in flyte: with none, with_code_bundle copies the code into the image.",
            ),
        )
    ):
        command = option(command)
    return command


def draft_of(
    file: str,
    *,
    image: str = "",
    context: Path | None = None,
    platform: tuple[str, ...] = (),
    copy_style: str = "loaded_modules",
) -> Draft:
    draft = load(file, Wanted(image=image, context=context, copy_style=copy_style))
    return draft.on_platforms(platform) if platform else draft


def order_of(
    draft: Draft,
    contents: Contents | None,
    *,
    registry: str = "",
    name: str = "",
    project: str = "",
    domain: str = "",
    force: bool = False,
) -> OrderRequest:
    """The request; what the command line leaves open is the draft's, then the configuration's."""
    configured = find_client_settings()
    return draft.order(
        contents,
        target=Target(registry=registry or draft.registry, name=name or draft.name),
        project=project or configured.project or "default",
        domain=domain or configured.domain or "development",
        force=force,
    )


def say_left_out(contents: Contents | None) -> None:
    """Links that lead nowhere, or to a folder, are not in the image: worth knowing, as in flyte they are silent."""
    if contents and contents.left_out:
        more = f" and {len(contents.left_out) - 3} more" if len(contents.left_out) > 3 else ""
        note(f"links to folders or to nothing are left out: {', '.join(contents.left_out[:3])}{more}")
