"""Lists the tags of a repository (https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags)."""

import re
from typing import Final
from urllib.parse import urlencode, urljoin

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError, Code
from boatyard.reference import Reference, Repository
from boatyard_registry.client import RegistryCall, RegistryClient
from boatyard_registry.refusals import garbage, is_absent, refusal

_PAGE: Final = 1000
_MOST: Final = 200_000
_NEXT: Final = re.compile(r"<([^<>]+)>\s*;[^,]*\brel=\"?next\"?")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")


class _Page(msgspec.Struct, frozen=True):
    tags: tuple[str, ...] | None = None


def tags(client: RegistryClient, repository: Repository) -> list[str]:
    """All tags, sorted. Raises REPOSITORY_NOT_FOUND, REGISTRY_DENIED and REGISTRY_UNAVAILABLE."""
    found: set[str] = set()
    path = f"tags/list?{urlencode({'n': _PAGE})}"
    while path:
        answer = client.send(RegistryCall(method="GET", repository=repository, path=path))
        if is_absent(answer):
            raise BoatyardError(Code.REPOSITORY_NOT_FOUND, f"the registry has no repository {repository}")
        if answer.status != 200:
            raise refusal(Reference(repository), answer)
        try:
            page = decode_json(answer.body, _Page).tags or ()
        except Undecodable:
            raise garbage(Reference(repository), "sent something that is no list of tags") from None
        before = len(found)
        found.update(tag for tag in page if _TAG.match(tag))
        following = _NEXT.search(answer.headers.get("link", ""))
        if following and len(found) == before:
            raise garbage(Reference(repository), "sent a list of tags that does not end")
        if len(found) > _MOST:
            raise garbage(Reference(repository), f"has more than {_MOST:,} tags")
        path = urljoin(answer.url, following[1]) if following else ""
    return sorted(found)
