"""Records an image's lock in its registry, beside the image, and reads it again."""

from typing import Final

from boatyard.decoding import Undecodable
from boatyard.lock import LARGEST, Lock, decode, encode
from boatyard.lock.versions import version_changes
from boatyard.reference import Reference
from boatyard_registry.client import RegistryClient
from boatyard_registry.media import Descriptor
from boatyard_registry.referrers import EMPTY, attach, attached
from boatyard_registry.refusals import garbage

KIND: Final = "application/vnd.boatyard.lock.v1+json"


def record_lock(client: RegistryClient, image: Reference, lock: Lock, known: Descriptor | None = None) -> Reference:
    """Attaches the lock to the image, which has a digest. `known` is its description. Raises like
    `referrers.attach`."""
    return attach(client, image, KIND, encode(lock), known=known)


def lock_blobs(lock: Lock) -> tuple[bytes, ...]:
    """What `record_lock` uploads beside the image, if it is not there."""
    return EMPTY, encode(lock)


def read_lock(client: RegistryClient, image: Reference) -> Lock | None:
    """The lock of the image, which has a digest; None if it has none that can be read.

    Raises REGISTRY_UNAVAILABLE, also if there are locks that contradict each other, or REGISTRY_DENIED.
    """
    locks: list[Lock] = []
    for document in attached(client, image, KIND, limit=LARGEST):
        try:
            locks.append(decode(document))
        except Undecodable:
            continue  # of a later version, or not by Boatyard
    if any(version_changes(locks[0], other) for other in locks[1:]):
        raise garbage(image, f"has {len(locks)} locks with different versions")
    return locks[0] if locks else None
