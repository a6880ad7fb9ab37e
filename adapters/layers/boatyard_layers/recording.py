"""Records the lock of an image that was pushed."""

from collections.abc import Callable, Mapping, Sequence

from boatyard.errors import BoatyardError
from boatyard.lock import Lock, LockedLayer
from boatyard.reference import Reference
from boatyard_layers.locking import lock_of
from boatyard_registry.client import RegistryClient
from boatyard_registry.locks import lock_blobs, record_lock
from boatyard_registry.media import Descriptor


def lock_to_record(
    python: str, layers: Mapping[str, tuple[LockedLayer, ...]], note: Callable[[str], None]
) -> Lock | None:
    """The lock of `layers`, by platform. An image whose layers changed no packages gets none."""
    if not python or not any(layers.values()):
        return None
    try:
        return lock_of(python, layers)
    except ValueError as error:
        note(f"the image's lock is not recorded: {error}")
        return None


def sent_ahead(lock: Lock | None) -> Sequence[bytes]:
    """What `record` uploads if it is not there yet."""
    try:
        return lock_blobs(lock) if lock else ()
    except ValueError:
        return ()  # `record` says why


def record(
    client: RegistryClient,
    image: Reference,
    lock: Lock | None,
    note: Callable[[str], None],
    known: Descriptor | None = None,
) -> None:
    """Attaches the lock to the image, which has a digest, and which `known` describes.

    The image is whole without its lock, so a refusal is only noted.
    """
    if lock is None:
        return
    try:
        record_lock(client, image, lock, known)
    except (BoatyardError, ValueError) as error:
        note(f"the image's lock is not recorded: {error}")
