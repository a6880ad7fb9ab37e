"""Records the lock of an image that was pushed."""

from collections.abc import Callable, Mapping

from boatyard.errors import BoatyardError
from boatyard.lock import LockedLayer
from boatyard.reference import Reference
from boatyard_layers.locking import lock_of
from boatyard_registry.client import RegistryClient
from boatyard_registry.locks import record_lock


def record(
    client: RegistryClient,
    image: Reference,
    python: str,
    layers: Mapping[str, tuple[LockedLayer, ...]],
    note: Callable[[str], None],
) -> None:
    """Attaches the lock of `layers`, by platform, to the image, which has a digest.

    The image is whole without its lock, so a refusal is only noted. An image whose layers changed no
    packages gets none.
    """
    if not python or not any(layers.values()):
        return
    try:
        record_lock(client, image, lock_of(python, layers))
    except (BoatyardError, ValueError) as error:
        note(f"the image's lock is not recorded: {error}")
