"""Copies an image to another name, in the same registry or in another one.

The manifests are uploaded unchanged, so the digest stays the same
(https://github.com/opencontainers/distribution-spec/blob/main/spec.md). Blobs are mounted from the source repository;
between registries, or if the registry refuses to mount, they are downloaded and uploaded.
"""

from typing import Final

from boatyard.errors import BoatyardError, Code
from boatyard.reference import Reference
from boatyard_registry.blobs import Blobs
from boatyard_registry.client import RegistryClient
from boatyard_registry.documents import parsed_manifest

_DEEPEST: Final = 3
"""An index of images is two levels; some registries nest one more."""


def copy(client: RegistryClient, source: Reference, target: Reference) -> None:
    """Makes `target` resolve to the image of `source`, which has a digest.

    Raises PUSH_DENIED, TAG_IMMUTABLE, REGISTRY_UNAVAILABLE or REGISTRY_DENIED.
    """
    _copy(Blobs(client), source, target, deep=0)


def _copy(blobs: Blobs, source: Reference, target: Reference, *, deep: int) -> None:
    read = blobs.get_manifest(source)
    if read is None:
        raise BoatyardError(Code.REGISTRY_UNAVAILABLE, f"{source} cannot be read: the registry does not have it")
    manifest = parsed_manifest(source, read.body)
    if source.repository != target.repository:
        for entry in manifest.manifests or ():
            if deep == _DEEPEST:
                raise BoatyardError(Code.REGISTRY_UNAVAILABLE, f"{source} nests too deeply")
            inner = Reference.parse(f"{source.repository}@{entry.digest}")
            _copy(blobs, inner, target.at(entry.digest), deep=deep + 1)
        for blob in (*((manifest.config,) if manifest.config else ()), *(manifest.layers or ())):
            blobs.mount_or_copy(blob, source.repository, target.repository)
    blobs.put_manifest(target, read.body, manifest.media_type or read.media_type)
