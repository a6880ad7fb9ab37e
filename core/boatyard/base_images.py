"""The deployment's rules for base images: what a name after FROM really means here."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final

from boatyard.reference import Reference
from boatyard.settings import BaseImageRule

_FROM: Final = re.compile(r"(?im)^[ \t]*FROM[ \t]+(?:--\S+[ \t]+)*([^\s$]+)[ \t]*(?:AS[ \t]+(\S+)[ \t]*)?\r?$")


def effective(image: str, rules: Sequence[BaseImageRule]) -> Reference:
    """The image after the first rule that matches, or itself. Raises INVALID_SPEC if it is no reference."""
    for rule in rules:
        if fnmatchcase(image, rule.match):
            return Reference.parse(rule.image, field="baseImages")
    return Reference.parse(image, field="spec.baseImage")


def named(dockerfile: str) -> tuple[str, ...]:
    """The images after FROM, as they are written. Stages of the file itself and `scratch` are none.

    A name with a variable in it is not known before the build.
    """
    images: dict[str, None] = {}
    stages = {"scratch"}
    for image, stage in _FROM.findall(dockerfile):
        if image.lower() not in stages:
            images[image] = None
        stages.add(stage.lower())
    return tuple(images)


def replaced(dockerfile: str, rules: Sequence[BaseImageRule]) -> dict[str, str]:
    """The images after FROM that a rule replaces, and by what. The text itself stays as the user wrote it."""
    matching = [image for image in named(dockerfile) if any(fnmatchcase(image, rule.match) for rule in rules)]
    return {image: str(effective(image, rules)) for image in matching}
