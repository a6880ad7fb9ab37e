"""An OCI image layout on disk (image spec v1.1, image-layout.md): what BuildKit's `type=oci,tar=false` writes."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from boatyard.errors import BoatyardError
from boatyard_registry.media import INDEX_TYPES, LARGEST_MANIFEST, Descriptor, Manifest, sha256_of

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}\Z")


class Node(msgspec.Struct, frozen=True):
    """A manifest or an index of the layout, with what it points to."""

    descriptor: Descriptor
    body: bytes
    manifest: Manifest

    @property
    def children(self) -> tuple[Descriptor, ...]:
        return self.manifest.manifests or ()

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        config = (self.manifest.config,) if self.manifest.config else ()
        return (*config, *(self.manifest.layers or ()))


class Layout:
    """Raises INTERNAL for a layout that contradicts itself: its writer is the builder, not the user."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def root(self) -> Node:
        """The one image or index that index.json names."""
        try:
            index = msgspec.json.decode((self._folder / "index.json").read_bytes(), type=Manifest)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            raise _broken("it has no readable index.json") from None
        digests = {entry.digest: entry for entry in index.manifests or ()}
        if len(digests) != 1:
            raise _broken(f"index.json names {len(digests)} images, not one")
        return self.node(next(iter(digests.values())))

    def node(self, descriptor: Descriptor) -> Node:
        path = self.blob(descriptor)
        if descriptor.size > LARGEST_MANIFEST or path.stat().st_size != descriptor.size:
            raise _broken(f"the manifest {descriptor.digest} has another size than announced")
        body = path.read_bytes()
        if sha256_of(body) != descriptor.digest:
            raise _broken(f"the manifest {descriptor.digest} has another digest")
        try:
            return Node(descriptor, body, msgspec.json.decode(body, type=Manifest))
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise _broken(f"{descriptor.digest} is not a manifest") from None

    def walk(self, node: Node) -> Iterator[Node]:
        """The node and all manifests below it, children first: the order in which they are pushed."""
        for child in node.children:
            yield from self.walk(self.node(child))
        yield node

    def blob(self, descriptor: Descriptor) -> Path:
        if not _DIGEST.match(descriptor.digest):
            raise _broken("it names a blob by something that is not a sha256 digest")
        path = self._folder / "blobs" / "sha256" / descriptor.digest.removeprefix("sha256:")
        if not path.is_file():
            raise _broken(f"the blob {descriptor.digest} is missing")
        return path


def media_type(node: Node) -> str:
    return node.descriptor.media_type or node.manifest.media_type or INDEX_TYPES[0]


def _broken(why: str) -> BoatyardError:
    return BoatyardError("INTERNAL", f"the built image layout is broken: {why}")
