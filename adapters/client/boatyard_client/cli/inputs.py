"""The options for input files, shared by `plan`, `diff` and `build`."""

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from boatyard.api.messages import OrderRequest
from boatyard.target import Target
from boatyard_client.cli.output import note
from boatyard_client.endpoint import find_client_settings
from boatyard_client.errors import UsageError
from boatyard_client.inputs import Draft, InputOptions, load, load_all
from boatyard_client.packing import Contents

F = TypeVar("F", bound=Callable[..., Any])

_PRIVATE: Final = re.compile(
    r"(?:^|_)(?:api_?key|auth|credentials?|key|passw(?:or)?d|passphrase|pword|secret|token|pat)(?:_|$)", re.IGNORECASE
)
_FOLDER = click.Path(path_type=Path)

all_option = click.option("--all", "every", is_flag=True, help="Every image of a flyte file, one after the other.")


def input_options(command: F) -> F:
    for option in reversed(
        (
            click.option("--image", default="", metavar="NAME", help="Which image or environment of a flyte file."),
            click.option("--context", type=_FOLDER, metavar="DIR", help="Folder that copied files are relative to."),
            click.option("--registry", default="", help="Where the image goes, such as ghcr.io/acme."),
            click.option("--name", default="", help="The image's name in the registry."),
            click.option("--platform", multiple=True, help="linux/amd64, linux/arm64, or both with a comma."),
            click.option(
                "--build-arg",
                "build_args",
                multiple=True,
                metavar="NAME[=VALUE]",
                help="The value of an ARG in a Dockerfile; without one, the environment variable's. May be repeated.",
            ),
            click.option(
                "--target", "target_stage", default="", metavar="STAGE", help="The stage of a Dockerfile to build."
            ),
            click.option(
                "--locked",
                default="",
                metavar="LOCK",
                help="Install the versions of a pylock.toml, or of an image; see `boatyard lock`.",
            ),
            click.option(
                "--tag",
                "-t",
                "tags",
                multiple=True,
                metavar="REF",
                help="A further reference for the image; may be repeated.",
            ),
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


def draft_of(file: str, **given: Any) -> Draft:
    """The single selected image. `given` has the options of `drafts_of`."""
    (draft,) = drafts_of(file, **given)
    return draft


def drafts_of(
    file: str,
    *,
    every: bool = False,
    image: str = "",
    context: Path | None = None,
    platform: tuple[str, ...] = (),
    copy_style: str = "loaded_modules",
    build_args: tuple[str, ...] = (),
    target_stage: str = "",
    locked: str = "",
) -> list[Draft]:
    """The selected image, or with `every` all images of a flyte file."""
    if every and image:
        raise UsageError("--image names one image, and --all means every one")
    if every and locked:
        raise UsageError("--locked is the lock of one image, and --all means every one")
    wanted = InputOptions(image=image, context=context, copy_style=copy_style)
    drafts = load_all(file, wanted) if every else [load(file, wanted)]
    if build_args or target_stage:
        arguments = build_arguments(build_args)
        drafts = [draft.with_build_options(arguments, target_stage) for draft in drafts]
    platforms = tuple(each.strip() for text in platform for each in text.split(","))  # as docker takes them
    drafts = [draft.on_platforms(platforms) if platforms else draft for draft in drafts]
    return [_with_lock(draft, locked) for draft in drafts] if locked else drafts


def _with_lock(draft: Draft, name: str) -> Draft:
    from boatyard_client.inputs.locking import with_lock
    from boatyard_client.locked import is_image, is_lock, lock_in_file, lock_of_image
    from boatyard_client.settings_file import find_settings

    if is_lock(name):
        return with_lock(draft, lock_in_file(name).lock)
    if is_image(name):
        return with_lock(draft, lock_of_image(name, find_settings()[0]).lock)
    raise UsageError(f"--locked takes a pylock.toml, or an image with its tag or digest; {name!r} is neither")


def build_arguments(options: Iterable[str]) -> dict[str, str]:
    """Parses `NAME=VALUE`, or `NAME` for the environment's value. As in Docker, an unset variable adds nothing."""
    values: dict[str, str] = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not name:
            raise UsageError("--build-arg takes NAME=VALUE, or NAME for the environment's value")
        if not equals and name not in os.environ:
            continue
        values[name] = value if equals else os.environ[name]
        if _PRIVATE.search(name):
            note(
                f"the build argument {name} stays in the image's history; pass a secret with --secret, for RUN --mount"
            )
    return values


def order_of(
    draft: Draft,
    contents: Contents | None,
    *,
    registry: str = "",
    name: str = "",
    project: str = "",
    domain: str = "",
    tags: tuple[str, ...] = (),
    force: bool = False,
) -> OrderRequest:
    """The request. The draft, then the configuration, fill in what the command line leaves out."""
    configured = find_client_settings()
    return draft.order(
        contents,
        target=Target(registry=registry or draft.registry, name=name or draft.name),
        project=project or configured.project or "default",
        domain=domain or configured.domain or "development",
        tags=tags,
        force=force,
    )


def say_left_out(contents: Contents | None) -> None:
    """Lists links that lead nowhere or to a folder, and so are missing in the image. flyte skips them silently."""
    if contents and contents.left_out:
        more = f" and {len(contents.left_out) - 3} more" if len(contents.left_out) > 3 else ""
        note(f"links to folders and broken links are left out: {', '.join(contents.left_out[:3])}{more}")
