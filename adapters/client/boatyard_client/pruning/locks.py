"""Finds the locks of images that were deleted, where the registry has no referrers API.

There the list of an image's documents is an index under a tag of the image's digest, which stays when the image goes.
Registries with the API remove an image's documents themselves, and list none of a missing image.
"""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import msgspec

from boatyard.reference import Repository
from boatyard_client.pruning.requests import AT_ONCE, Removal, read
from boatyard_registry.client import RegistryClient
from boatyard_registry.documents import is_digest
from boatyard_registry.locks import KIND

_LIST: Final = re.compile(r"sha256-([0-9a-f]{64})\Z")


class LeftLocks(msgspec.Struct, frozen=True):
    """The locks of one deleted image."""

    image: str
    """Its digest."""
    removals: tuple[Removal, ...]
    """The locks, then their list: a prune that is killed in between finds the list again."""


def left_locks(client: RegistryClient, repository: Repository, tags: Sequence[str]) -> tuple[LeftLocks, ...]:
    """Lists that name anything but locks stay as they are: other programs attach signatures there.

    Whoever may push can write into a list what he likes, so a lock is what its own manifest says.
    """
    lists = [(tag, f"sha256:{named[1]}") for tag in tags if (named := _LIST.match(tag))]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = tuple(pool.map(lambda each: _left(client, repository, *each), lists))
    return tuple(each for each in found if each)


def is_deleted(client: RegistryClient, repository: Repository, image: str) -> bool:
    return read(client, repository, image) is None


def _left(client: RegistryClient, repository: Repository, tag: str, image: str) -> LeftLocks | None:
    if not is_deleted(client, repository, image):
        return None
    listed = read(client, repository, tag)
    if listed is None:
        return None
    digest, document = listed
    if document.config or document.layers or document.subject:
        return None
    removals: list[Removal] = []
    for entry in document.manifests:
        if not is_digest(entry.digest):
            return None
        lock = read(client, repository, entry.digest)
        if lock is None:
            continue
        subject = lock[1].subject
        if lock[1].artifact_type != KIND or subject is None or subject.digest != image:
            return None
        removals.append(Removal(f"the lock {repository}@{entry.digest}", lock[0]))
    return LeftLocks(image, (*removals, Removal(f"{repository}:{tag}", digest, tag)))
