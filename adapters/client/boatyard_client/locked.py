"""Finds the lock of an image: in its registry, or in a pylock.toml."""

from pathlib import Path
from typing import Final

import msgspec

from boatyard.decoding import Undecodable
from boatyard.errors import BoatyardError
from boatyard.lock import Lock
from boatyard.reference import Reference
from boatyard.settings import Settings
from boatyard_client.errors import InputError

_LARGEST_FILE: Final = 16 * 1024**2


class NoImageError(InputError):
    """The image is not in its registry."""


class Locked(msgspec.Struct, frozen=True, kw_only=True):
    origin: str
    """The image with its digest, or the file."""
    lock: Lock


def is_image(name: str) -> bool:
    """Whether a command's argument is an image's reference: one with a tag or digest, and no file."""
    _, colon, _ = name.rpartition("/")[2].partition(":")
    if not (colon or "@" in name) or Path(name).exists():
        return False
    try:
        Reference.parse(name)
    except BoatyardError:
        return False
    return True


def is_lock(name: str) -> bool:
    """Whether a command's argument is a lock in a file."""
    return name.endswith(".toml") and Path(name).is_file()


def lock_in_file(name: str) -> Locked:
    """Reads a lock that `boatyard lock` printed. Raises InputError."""
    from boatyard.lock.pylock import from_text

    path = Path(name)
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise InputError(f"{name} is too large to be a lock")
        return Locked(origin=name, lock=from_text(path.read_text("utf-8")))
    except OSError as error:
        raise InputError(f"{name} cannot be read: {(error.strerror or str(error)).lower()}") from None
    except UnicodeDecodeError:
        raise InputError(f"{name} is not UTF-8 text") from None
    except Undecodable as error:
        raise InputError(f"{name} is {error}", advice="`boatyard lock IMAGE` prints an image's lock.") from None


def lock_of_image(image: str, settings: Settings, *, advice: str = "") -> Locked:
    """Reads the lock that is recorded with an image. `advice` is for an image that is not there.

    Raises InputError, REGISTRY_UNAVAILABLE or REGISTRY_DENIED.
    """
    from boatyard_client.registries import registry_of
    from boatyard_registry.locks import read_lock

    reference = Reference.parse(image)
    registry = registry_of(settings, host=reference.repository.host)
    try:
        digest = registry.digest(reference)
        if digest is None:
            raise NoImageError(f"there is no image {reference}", advice=advice or "Check its name and tag.")
        pinned = reference.at(digest)
        lock = read_lock(registry.client, pinned)
    finally:
        registry.close()
    if lock is None:
        raise InputError(
            f"no lock is recorded with {pinned}",
            advice='Builds record one if a layer installs packages, unless the settings have `layers = "builder"`.',
        )
    return Locked(origin=str(pinned), lock=lock)
