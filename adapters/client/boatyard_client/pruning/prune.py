"""Removes old prefixes, wheels' groups and facts from a repository, and the locks of images that were deleted.

Never an image, and nothing that an image needs.

The manifest of an image names all of its layers, so a registry keeps them when a prefix with the same layers goes.
Only an index that names a prefix's own manifest would lose something: what any other tag reaches stays.
"""

import datetime
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import msgspec

from boatyard.artifacts import CREATED, DIGITS, FACTS_TYPE, KINDS, Kind, kind_of
from boatyard.reference import Reference, Repository
from boatyard_client.pruning.locks import is_deleted, left_locks
from boatyard_client.pruning.requests import AT_ONCE, Removal, TaggedManifest, read, remove
from boatyard_registry.client import RegistryClient
from boatyard_registry.media import Descriptor
from boatyard_registry.refusals import garbage
from boatyard_registry.tag_list import tags

_DEEPEST: Final = 3


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    tag: str
    kind: Kind
    digest: str
    created: float
    """Seconds since 1970."""
    size: int
    """Bytes of its blobs. Those that something else has, too, stay in the registry."""


class Pruned(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    repository: str
    dry_run: bool
    removed: tuple[Artifact, ...]
    """What was, or with `dry_run` would be, removed."""
    young: int
    needed: int
    """Old, but kept: another tag of the repository reaches the same manifest."""
    foreign: int
    """Tags of an artifact's form that are not Boatyard's, or have no date."""
    locks: tuple[str, ...]
    """Digests of the images that were deleted, and whose locks were, or with `dry_run` would be, removed."""


def prune(
    client: RegistryClient, repository: Repository, *, older_than: float, now: float, dry_run: bool = False
) -> Pruned:
    """Removes what is older than `older_than` seconds. Nothing is removed if any tag of the repository cannot be read.

    Raises BoatyardError, and PruneError if the registry refuses a deletion. A repetition is safe.
    """
    all_tags = tags(client, repository)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        shaped = [tag for tag in all_tags if kind_of(tag)]
        documents = dict(zip(shaped, pool.map(lambda tag: read(client, repository, tag), shaped), strict=True))
        artifacts = [made for tag, found in documents.items() if found and (made := _artifact(tag, *found))]
        old = _old(artifacts, now - older_than)
        needed: set[str] = set()
        if old:
            going = {artifact.tag for artifact in old}
            staying = [tag for tag in all_tags if tag not in going]
            for reached in pool.map(lambda tag: _reached(client, repository, tag, documents.get(tag)), staying):
                needed |= reached
    removed = [artifact for artifact in old if artifact.digest not in needed]
    locks = left_locks(client, repository, all_tags)
    if not dry_run:
        remove(client, repository, [Removal(f"{repository}:{each.tag}", each.digest, each.tag) for each in removed])
        # A build may have made the same image again: it pushes the image before its lock.
        locks = tuple(each for each in locks if is_deleted(client, repository, each.image))
        remove(client, repository, [removal for each in locks for removal in each.removals])
    return Pruned(
        repository=str(repository),
        dry_run=dry_run,
        removed=tuple(removed),
        young=len(artifacts) - len(old),
        needed=len(old) - len(removed),
        foreign=sum(1 for found in documents.values() if found) - len(artifacts),
        locks=tuple(each.image for each in locks),
    )


def _old(artifacts: Sequence[Artifact], limit: float) -> list[Artifact]:
    """Prefixes first: without one, its facts are of no use, but not the other way round."""
    young = {artifact.tag for artifact in artifacts if artifact.created > limit}
    old = [
        artifact
        for artifact in artifacts
        if artifact.tag not in young
        and not (artifact.kind == "facts" and f"prefix-{artifact.tag.partition('-')[2]}" in young)
    ]
    return sorted(old, key=lambda artifact: (KINDS.index(artifact.kind), artifact.tag))


def _artifact(tag: str, digest: str, document: TaggedManifest) -> Artifact | None:
    kind = kind_of(tag)
    digits = tag[-DIGITS:]
    ours = (
        document.artifact_type == FACTS_TYPE
        if kind == "facts"
        else document.annotations.get(f"io.boatyard.{kind}", "").startswith(digits)
    )
    created = _seconds(document.annotations.get(CREATED, ""))
    if kind is None or not ours or created is None:
        return None
    blobs: Iterable[Descriptor] = (*document.layers, *((document.config,) if document.config else ()))
    return Artifact(tag=tag, kind=kind, digest=digest, created=created, size=sum(blob.size for blob in blobs))


def _seconds(text: str) -> float | None:
    try:
        return msgspec.convert(text, datetime.datetime).astimezone(datetime.timezone.utc).timestamp()
    except (msgspec.ValidationError, ValueError, OverflowError):
        return None


def _reached(
    client: RegistryClient,
    repository: Repository,
    name: str,
    given: tuple[str, TaggedManifest] | None = None,
    deep: int = 0,
) -> set[str]:
    """The digests of the manifests that a tag leads to."""
    found_here = given or read(client, repository, name)
    if found_here is None:
        return set()
    digest, document = found_here
    found = {digest, *_digests(document)}
    for entry in document.manifests:
        if "index" in entry.media_type or "list" in entry.media_type:
            if deep == _DEEPEST:
                raise garbage(Reference(repository), "nests indexes too deeply")
            found |= _reached(client, repository, entry.digest, deep=deep + 1)
    return found


def _digests(document: TaggedManifest) -> Iterator[str]:
    return (entry.digest for entry in document.manifests)
