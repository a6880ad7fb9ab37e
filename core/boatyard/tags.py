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
"""The form of tags that are derived from keys, in both repository layouts (`boatyard.target`)."""


def parse_tags(texts: Iterable[str], settings: Settings) -> tuple[Reference, ...]:
    """Parses tags such as `ghcr.io/acme/app:v1` as Docker does, with `latest` as the default. Sorted, without
    duplicates.

    Raises INVALID_SPEC for an invalid tag, and for one that looks like a key's tag, which could answer somebody else's
    request. Raises FORBIDDEN for a repository that the policy does not allow.
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
            raise invalid(
                f"{reference.tag!r} looks like a tag that Boatyard derives from a key; choose another", field=field
            )
        cache = settings.cache.repository
        if cache and reference.repository == Repository.parse(cache, field="cache.repository"):
            raise BoatyardError(Code.FORBIDDEN, f"{reference.repository} holds the builder's cache", field=field)
        allow_repository(settings.access, reference)
        found.add(reference)
    return tuple(sorted(found, key=str))
