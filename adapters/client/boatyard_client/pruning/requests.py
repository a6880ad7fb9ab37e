"""What a prune asks of a registry: manifests by tag or digest, and their removal."""

from collections.abc import Sequence
from typing import Final

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard.reference import Reference, Repository
from boatyard_client.errors import PruneError
from boatyard_registry.client import RegistryCall, RegistryClient
from boatyard_registry.media import ACCEPT, Descriptor, sha256_of
from boatyard_registry.refusals import garbage, is_absent, refusal

AT_ONCE: Final = 6
_NO_API: Final = (
    "If it deletes nothing over its API, let its own lifecycle rules remove the tags that begin with prefix-, wheels- "
    "and facts-."
)


class Subject(msgspec.Struct, frozen=True):
    digest: str = ""


class TaggedManifest(msgspec.Struct, frozen=True, rename="camel"):
    """What is read of a manifest or an index."""

    artifact_type: str = ""
    manifests: tuple[Descriptor, ...] = ()
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] = ()
    subject: Subject | None = None
    annotations: dict[str, str] = {}


class Removal(msgspec.Struct, frozen=True):
    name: str
    """For errors."""
    digest: str
    tag: str = ""


def read(client: RegistryClient, repository: Repository, name: str) -> tuple[str, TaggedManifest] | None:
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
        return sha256_of(answer.body), decode_json(answer.body, TaggedManifest)
    except Undecodable:
        raise garbage(reference, "sent something that is no manifest") from None


def remove(client: RegistryClient, repository: Repository, removals: Sequence[Removal]) -> None:
    """In order. Raises PruneError if the registry refuses one."""
    for number, removal in enumerate(removals):
        status = _delete(client, repository, removal)
        if status in (200, 202, 204, 404):
            continue
        what = f"the registry {repository.host} answered {status} to the deletion of {removal.name}"
        raise PruneError(
            f"{what}; {number} of {len(removals)} are removed",
            advice="Sign in as somebody who may delete there: `docker login`." if status in (401, 403) else _NO_API,
        )


def _delete(client: RegistryClient, repository: Repository, removal: Removal) -> int:
    status = _send_delete(client, repository, removal.digest)
    if status in (400, 409) and removal.tag:
        # Google's registries keep a manifest while it has tags.
        _send_delete(client, repository, removal.tag)
        status = _send_delete(client, repository, removal.digest)
    return status


def _send_delete(client: RegistryClient, repository: Repository, name: str) -> int:
    call = RegistryCall(
        method="DELETE", repository=repository, path=f"manifests/{name}", actions="pull,delete", body=b""
    )
    return client.send(call).status
