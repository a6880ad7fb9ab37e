"""The deployment's rules for base images: what a name after FROM really means here."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final

from boatyard.errors import invalid
from boatyard.reference import Reference
from boatyard.settings import BaseImageRule

_FROM: Final = re.compile(r"(?im)^[ \t]*FROM[ \t]+(?:--\S+[ \t]+)*(\S+)[ \t]*(?:AS[ \t]+(\S+)[ \t]*)?\r?$")
_NOTHING: Final = "scratch"


def effective(image: str, rules: Sequence[BaseImageRule]) -> Reference:
    """The image after the first rule that matches, or itself. Raises INVALID_SPEC if it is no reference."""
    for rule in rules:
        if fnmatchcase(image, rule.match):
            return Reference.parse(rule.image, field="baseImages")
    return Reference.parse(image, field="spec.baseImage")


def named(dockerfile: str) -> tuple[str, ...]:
    """The images after FROM in a Dockerfile that a user wrote, as they are written, each once.

    A name with a variable in it is not known before the build, and that of an earlier stage is no image:
    BuildKit would put whatever is given for it in the place of that stage.
    """
    images: dict[str, None] = {}
    known = {_NOTHING}
    for image, stage in _FROM.findall(dockerfile):
        if "$" not in image and image.lower() not in known:
            images[image] = None
        known.add(stage.lower())
    return tuple(images)


def stages(dockerfile: str) -> frozenset[str]:
    """The names of the Dockerfile's stages, in lower case as BuildKit has them."""
    return frozenset(stage.lower() for _, stage in _FROM.findall(dockerfile) if stage)


def replaced(dockerfile: str, rules: Sequence[BaseImageRule]) -> dict[str, str]:
    """The images after FROM that a rule replaces, and by what. The text itself stays as the user wrote it.

    Raises INVALID_SPEC for one that is no reference, and where a stage has the name of the image: BuildKit could
    not tell them apart, and would replace the stage as well.
    """
    matching = [image for image in named(dockerfile) if any(fnmatchcase(image, rule.match) for rule in rules)]
    for image in matching:
        name = Reference.parse(image, field="spec.dockerfile").familiar
        if name in stages(dockerfile):
            raise invalid(
                f"a stage is called {name!r} like the image {image!r}, which is another one here; give the stage "
                "another name",
                field="spec.dockerfile",
            )
    return {image: str(effective(image, rules)) for image in matching}
