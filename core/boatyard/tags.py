"""Further references for an image, as `docker build --tag` gives them. They move; a key's own tag does not."""

import re
from collections.abc import Iterable
from typing import Final

from boatyard.errors import BoatyardError, Code, invalid
from boatyard.key import TAG_LENGTH
from boatyard.policy import allow_repository
from boatyard.reference import HUB, Reference, Repository
from boatyard.settings import Settings

_OURS: Final = re.compile(rf"(?:.*-)?[0-9a-f]{{{TAG_LENGTH}}}\Z", re.DOTALL)
"""How tags look that are made of keys, in a repository of one image and in one of many (`boatyard.target`)."""


def parse_tags(texts: Iterable[str], settings: Settings) -> tuple[Reference, ...]:
    """`ghcr.io/acme/app:v1`, read as Docker reads it: without a tag `latest` is meant. Sorted, each once.

    Raises INVALID_SPEC for what is no tag, or looks like one that Boatyard makes of a key: it would answer for an image
    that somebody else asks for. Raises FORBIDDEN for a repository that the policy does not allow.
    """
    found: set[Reference] = set()
    for index, text in enumerate(texts):
        field = f"tags[{index}]"
        reference = Reference.parse(text, field=field)
        if reference.digest or reference.tag is None:
            raise invalid(f"{text!r} names a digest; a tag is like ghcr.io/acme/app:v1", field=field)
        if reference.repository.host == HUB and reference.repository.path.startswith("library/"):
            raise invalid(
                f"{text!r} is {reference}, one of Docker Hub's own images; name the registry: ghcr.io/acme/{text}",
                field=field,
            )
        if _OURS.match(reference.tag):
            raise invalid(f"{reference.tag!r} looks like a tag that is made of a key; choose another", field=field)
        cache = settings.cache.repository
        if cache and reference.repository == Repository.parse(cache, field="cache.repository"):
            raise BoatyardError(Code.FORBIDDEN, f"{reference.repository} holds the builder's cache", field=field)
        allow_repository(settings.access, reference)
        found.add(reference)
    return tuple(sorted(found, key=str))
