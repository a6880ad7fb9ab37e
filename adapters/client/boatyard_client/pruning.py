"""Removes old prefixes, wheels' groups and facts from a repository: never an image, and nothing that an image needs.

The manifest of an image names all of its layers, so a registry keeps them when a prefix with the same layers goes.
Only an index that names a prefix's own manifest would lose something: what any other tag reaches stays.
"""

import datetime
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import msgspec

from boatyard.artifacts import CREATED, DIGITS, FACTS_TYPE, KINDS, Kind, kind_of
from boatyard.decoding import Undecodable, decode_json
from boatyard.reference import Reference, Repository
from boatyard_client.errors import PruneError
from boatyard_registry.client import RegistryCall, RegistryClient
from boatyard_registry.media import ACCEPT, Descriptor, sha256_of
from boatyard_registry.refusals import garbage, is_absent, refusal
from boatyard_registry.tag_list import tags

_AT_ONCE: Final = 6
_DEEPEST: Final = 3
_NO_API: Final = (
    "If it deletes nothing over its API, let its own lifecycle rules remove the tags that begin with prefix-, wheels- "
    "and facts-."
)


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


class _Document(msgspec.Struct, frozen=True, rename="camel"):
    artifact_type: str = ""
    manifests: tuple[Descriptor, ...] = ()
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] = ()
    annotations: dict[str, str] = {}


def prune(
    client: RegistryClient, repository: Repository, *, older_than: float, now: float, dry_run: bool = False
) -> Pruned:
    """Removes what is older than `older_than` seconds. Nothing is removed if any tag of the repository cannot be read.

    Raises BoatyardError, and PruneError if the registry refuses a deletion. A repetition is safe.
    """
    all_tags = tags(client, repository)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        shaped = [tag for tag in all_tags if kind_of(tag)]
        documents = dict(zip(shaped, pool.map(lambda tag: _read(client, repository, tag), shaped), strict=True))
        artifacts = [made for tag, read in documents.items() if read and (made := _artifact(tag, *read))]
        old = _old(artifacts, now - older_than)
        needed: set[str] = set()
        if old:
            going = {artifact.tag for artifact in old}
            staying = [tag for tag in all_tags if tag not in going]
            for reached in pool.map(lambda tag: _reached(client, repository, tag, documents.get(tag)), staying):
                needed |= reached
    removed = [artifact for artifact in old if artifact.digest not in needed]
    if not dry_run:
        _remove(client, repository, removed)
    return Pruned(
        repository=str(repository),
        dry_run=dry_run,
        removed=tuple(removed),
        young=len(artifacts) - len(old),
        needed=len(old) - len(removed),
        foreign=sum(1 for read in documents.values() if read) - len(artifacts),
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


def _artifact(tag: str, digest: str, document: _Document) -> Artifact | None:
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


def _read(client: RegistryClient, repository: Repository, name: str) -> tuple[str, _Document] | None:
    """The digest and the manifest of a tag or a digest; None if it is gone."""
    reference = Reference(repository, name) if ":" not in name else Reference(repository).at(name)
    answer = client.send(
        RegistryCall(method="GET", repository=repository, path=f"manifests/{name}", headers={"accept": ACCEPT})
    )
    if is_absent(answer):
        return None
    if answer.status != 200:
        raise refusal(reference, answer)
    try:
        return sha256_of(answer.body), decode_json(answer.body, _Document)
    except Undecodable:
        raise garbage(reference, "sent something that is no manifest") from None


def _reached(
    client: RegistryClient, repository: Repository, name: str, read: tuple[str, _Document] | None = None, deep: int = 0
) -> set[str]:
    """The digests of the manifests that a tag leads to."""
    read = read or _read(client, repository, name)
    if read is None:
        return set()
    digest, document = read
    found = {digest, *_digests(document)}
    for entry in document.manifests:
        if "index" in entry.media_type or "list" in entry.media_type:
            if deep == _DEEPEST:
                raise garbage(Reference(repository), "nests indexes too deeply")
            found |= _reached(client, repository, entry.digest, deep=deep + 1)
    return found


def _digests(document: _Document) -> Iterator[str]:
    return (entry.digest for entry in document.manifests)


def _remove(client: RegistryClient, repository: Repository, artifacts: Sequence[Artifact]) -> None:
    for number, artifact in enumerate(artifacts):
        status = _delete(client, repository, artifact)
        if status in (200, 202, 204, 404):
            continue
        what = f"the registry {repository.host} answered {status} to the deletion of {repository}:{artifact.tag}"
        raise PruneError(
            f"{what}; {number} of {len(artifacts)} are removed",
            advice="Sign in as somebody who may delete there: `docker login`." if status in (401, 403) else _NO_API,
        )


def _delete(client: RegistryClient, repository: Repository, artifact: Artifact) -> int:
    status = _send_delete(client, repository, artifact.digest)
    if status in (400, 409):
        # Google's registries keep a manifest while it has tags.
        _send_delete(client, repository, artifact.tag)
        status = _send_delete(client, repository, artifact.digest)
    return status


def _send_delete(client: RegistryClient, repository: Repository, name: str) -> int:
    call = RegistryCall(
        method="DELETE", repository=repository, path=f"manifests/{name}", actions="pull,delete", body=b""
    )
    return client.send(call).status
