"""Reads an image's contents: its platforms, and the labels that all of them share, because a node may run any of
them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from boatyard.build import Image
from boatyard.errors import BoatyardError, Code
from boatyard.reference import Reference
from boatyard_registry.kept import Kept
from boatyard_registry.media import ImageConfig, Manifest

MOST_OPENED: Final = 16
"""The most images of an index that are read. Real images have fewer platforms, and each costs requests."""


class Inside(msgspec.Struct, frozen=True, kw_only=True):
    platforms: tuple[str, ...] = ()
    key: str | None = None
    build_tag: str | None = None
    size: int | None = None
    """Bytes of all layers together."""
    attestations: tuple[str, ...] = ()

    def image(self, reference: Reference, digest: str) -> Image:
        """The image of these contents. `reference` is what was asked for."""
        return Image(
            reference=str(reference.at(digest)),
            digest=digest,
            platforms=self.platforms,
            key=self.key,
            build_tag=self.build_tag,
            size=self.size,
            attestations=self.attestations,
        )


class Source(Protocol):
    """A repository whose manifests and configurations are read by digest. Raises REGISTRY_DENIED or
    REGISTRY_UNAVAILABLE."""

    def manifests(self, digests: Sequence[str]) -> Mapping[str, Manifest]:
        """The manifests by digest, without missing ones."""
        ...

    def manifest(self, digest: str) -> Manifest:
        """Raises REGISTRY_UNAVAILABLE for a missing one, too."""
        ...

    def config(self, manifest: Manifest) -> ImageConfig: ...


class OpenedImages:
    """Reads each image once: the contents of a digest never change. Thread-safe."""

    def __init__(self, most: int) -> None:
        self._seen: Kept[str, Inside] = Kept(most)

    def inside(self, digest: str, source: Source, *, needed: bool) -> Inside:
        """The contents of an existing image. Unless `needed`, missing permissions only shorten the result."""
        if seen := self._seen.get(digest):
            return seen
        known = Inside()
        try:
            manifest = source.manifest(digest)
            known = said_by(manifest)
            inside = look_into(manifest, source)
        except BoatyardError as error:
            if needed or error.code != Code.REGISTRY_DENIED:
                raise
            return known
        if inside is not None:
            self._seen.put(digest, inside)
        return inside or known


def said_by(manifest: Manifest) -> Inside:
    """The facts in the manifest itself: an index lists platforms, an image's manifest says nothing."""
    entries = manifest.manifests or ()
    images = [entry for entry in entries if not entry.is_attestation]
    return Inside(
        platforms=tuple(dict.fromkeys(str(entry.platform) for entry in images if entry.platform)),
        attestations=tuple(entry.digest for entry in entries if entry.is_attestation),
    )


def look_into(manifest: Manifest, source: Source) -> Inside | None:
    """Returns None if an image of the index is missing; it may still be pushed."""
    if manifest.manifests is None:
        config = source.config(manifest)
        platforms = (config.platform,) if config.platform else ()
        return Inside(platforms=platforms, key=config.key, build_tag=config.build_tag)
    digests = {entry.digest for entry in manifest.manifests if not entry.is_attestation}
    said = said_by(manifest)
    if not 1 <= len(digests) <= MOST_OPENED:
        return said
    found = source.manifests(sorted(digests))
    if len(found) < len(digests):
        return None
    configs = [source.config(each) for each in found.values()]
    return msgspec.structs.replace(
        said,
        key=common(config.key for config in configs),
        build_tag=common(config.build_tag for config in configs),
    )


def common(labels: Iterable[str | None]) -> str | None:
    """The value that all share; None if they differ, or without any value."""
    found = set(labels)
    return found.pop() if len(found) == 1 else None
