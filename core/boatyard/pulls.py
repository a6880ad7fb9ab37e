"""Finds the images that a user's Dockerfile pulls, and applies rules and then mirrors to them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from boatyard import base_images
from boatyard.errors import BoatyardError, Code
from boatyard.mirrors import mirrored
from boatyard.policy import allow_pull
from boatyard.reference import Reference, context_name
from boatyard.settings import Settings

if TYPE_CHECKING:  # a plan without a Dockerfile needs no parser
    from boatyard.dockerfile.parse import Frontend, ImageUse
    from boatyard.dockerfile.users import UsersDockerfile

_FIELD: Final = "spec.dockerfile"
_DOCKERS: Final = ("docker.io/docker/dockerfile", "docker.io/docker/dockerfile-upstream")
BUILT_IN = "built in"
"""Replaces a frontend's image by BuildKit's own frontend."""


class Pulls(msgspec.Struct, frozen=True, kw_only=True):
    images: dict[str, str] = {}
    """Each image as BuildKit sees it in the Dockerfile, and its replacement by the rules."""
    replaced: dict[str, str] = {}
    """The images that the rules change, including the frontend, which changes the meaning of the Dockerfile."""
    contexts: dict[str, str] = {}
    """BuildKit's named contexts: name -> the reference that is pulled. The text stays as the user wrote it."""
    in_text: dict[str, str] = {}
    """Images to replace in the text, because a stage has the same name, which a named context would replace too."""
    frontend: str | None = None
    """The frontend's image; empty for BuildKit's own, None if the Dockerfile's is right or it names none."""


def pulls(given: "UsersDockerfile", settings: Settings) -> Pulls:
    """Raises INVALID_DOCKERFILE for an invalid reference, and FORBIDDEN, each with its line."""
    images: dict[str, str] = {}
    replaced: dict[str, str] = {}
    contexts: dict[str, str] = {}
    in_text: dict[str, str] = {}
    stages = given.stage_names()
    for use in given.images:
        written, effective = _effective(use.image, use.line, settings)
        images[use.image] = str(effective)
        if effective != written:
            replaced[use.image] = str(effective)
        pulled = mirrored(effective, settings.registry_mirrors)
        if pulled == written:
            continue
        name = context_name(use.image)
        if name in stages:
            in_text[use.image] = str(pulled)
        else:
            contexts[name] = str(pulled)
    if settings.access.pulls:
        _refuse_unknown(given)
    frontend = None
    if given.frontend:
        frontend = _frontend(given.frontend, settings, replaced)
    _refuse_two_names(given.images, in_text)
    return Pulls(images=images, replaced=replaced, contexts=contexts, in_text=in_text, frontend=frontend)


def _frontend(asked: "Frontend", settings: Settings, replaced: dict[str, str]) -> str | None:
    if settings.buildkit.dockerfile_frontend == "builtin" and _is_hubs(asked):
        replaced[asked.image] = BUILT_IN
        return ""
    written, effective = _effective(asked.image, asked.line, settings)
    strange = effective == written and str(written.repository) not in _DOCKERS
    if strange and settings.isolation == "project" and settings.output.provenance == "max":
        # It may use any id of a cache mount or secret, and provenance of this mode shows the ids of every project.
        raise BoatyardError(
            Code.UNSUPPORTED,
            f"{_where(asked.line)}a frontend other than Docker's is not run where output.provenance is max: it could "
            "use the cache mounts of other projects. Ask for provenance min, or isolation deployment",
            field=_FIELD,
        )
    if effective != written:
        replaced[asked.image] = str(effective)
    pulled = mirrored(effective, settings.registry_mirrors)
    return None if pulled == written else str(pulled)


def _is_hubs(asked: "Frontend") -> bool:
    """Whether the frontend is on Docker Hub. A copy in another registry can be pulled from there."""
    try:
        return str(Reference.parse(asked.image).repository) in _DOCKERS
    except BoatyardError:
        return False


def _effective(image: str, line: int, settings: Settings) -> tuple[Reference, Reference]:
    try:
        written = Reference.parse(image)
    except BoatyardError as error:
        raise BoatyardError(Code.INVALID_DOCKERFILE, f"{_where(line)}{error.detail}", field=_FIELD) from None
    effective = base_images.effective(image, settings.base_images)
    try:
        allow_pull(settings.access, effective)
    except BoatyardError as error:
        raise BoatyardError(error.code, f"{_where(line)}{error.detail}", field=_FIELD) from None
    return written, effective


def _refuse_unknown(given: "UsersDockerfile") -> None:
    for use in given.unknown:
        raise BoatyardError(
            Code.FORBIDDEN,
            f"{_where(use.line)}the image {use.written!r} depends on the building machine, and this deployment "
            "limits what may be pulled",
            field=_FIELD,
        )


def _refuse_two_names(images: "tuple[ImageUse, ...]", in_text: dict[str, str]) -> None:
    """Refuses an image that would need different replacements in the text for different platforms."""
    seen: dict[tuple[int, str, str], str] = {}
    for use in _replaced(images, in_text):
        place = (use.line, use.where, use.written)
        if seen.setdefault(place, use.image) != use.image:
            raise BoatyardError(
                Code.UNSUPPORTED,
                f"{_where(use.line)}{use.written!r} is another image for each platform, and a stage has the same name; "
                "give the stage another name",
                field=_FIELD,
            )


def _replaced(images: "tuple[ImageUse, ...]", in_text: dict[str, str]) -> "Iterator[ImageUse]":
    places = {(use.line, use.where, use.written) for use in images if use.image in in_text}
    return (use for use in images if (use.line, use.where, use.written) in places)


def _where(line: int) -> str:
    return f"line {line} of the Dockerfile: " if line else "BUILDKIT_SYNTAX: "
