"""Applies the deployment's rules for base images to a name after FROM."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final

from boatyard.errors import BoatyardError
from boatyard.reference import HUB, Reference
from boatyard.settings import BaseImageRule

_HUB_SPELLINGS: Final = (f"index.{HUB}/library/", f"{HUB}/library/", f"index.{HUB}/", f"{HUB}/")


def effective(image: str, rules: Sequence[BaseImageRule], *, field: str = "spec.baseImage") -> Reference:
    """The image after the first rule that matches, or itself. Raises INVALID_SPEC if it is not a reference."""
    reference = Reference.parse(image, field=field)
    spellings = _spellings(image, reference)
    for rule in rules:
        if any(fnmatchcase(spelling, pattern) for pattern in _patterns(rule.match) for spelling in spellings):
            return Reference.parse(rule.image, field="baseImages")
    return reference


def _spellings(image: str, reference: Reference) -> tuple[str, ...]:
    """All spellings of an image. A rule matches if its pattern matches one of them."""
    full = str(reference)
    familiar = reference.familiar
    found = [image, full, familiar]
    if reference.tag == "latest" and not reference.digest:
        found += [full.removesuffix(":latest"), f"{familiar}:latest"]
    return tuple(dict.fromkeys(found))


def _patterns(match: str) -> tuple[str, ...]:
    """A rule's pattern, and its short form if it starts with Docker Hub's name."""
    for prefix in _HUB_SPELLINGS:
        if match.startswith(prefix):
            return match, match.removeprefix(prefix)
    try:
        reference = Reference.parse(match)
    except BoatyardError:
        return (match,)
    return match, str(reference)
