"""The tags of what Boatyard keeps in a registry beside images: prefixes, wheels' groups and facts."""

import re
from typing import Final, Literal, get_args

Kind = Literal["prefix", "wheels", "facts"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
CREATED: Final = "org.opencontainers.image.created"
"""The annotation of each artifact's manifest with the time of its push (RFC 3339), by which it gets old. Registries do
not say when something was pushed."""
FACTS_TYPE: Final = "application/vnd.boatyard.facts.v1+json"
"""The artifact type of facts."""
DIGITS: Final = 32
"""Hex digits of a key in a tag. The whole key is in the manifest, and compared when it is read."""
_TAG: Final = re.compile(rf"({'|'.join(KINDS)})-[0-9a-f]{{{DIGITS}}}\Z")


def tag(kind: Kind, key: str) -> str:
    """`prefix-<32 hex>` of a key in hex."""
    return f"{kind}-{key[:DIGITS]}"


def kind_of(tag: str) -> Kind | None:
    """What a tag names by its form; None for an image's tag."""
    found = _TAG.match(tag)
    return next((kind for kind in KINDS if found and found[1] == kind), None)
