"""The engine's flyte base and the images on it, of which a session reads each layer once: the base is most of them."""

import uuid
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import msgspec

from boatyard.decoding import decode_json
from boatyard.reference import Reference, Repository
from boatyard_layers.artifacts import WholeManifest
from boatyard_layers.base import downloaded, is_kept, resolve, resolve_alone, with_layer
from boatyard_layers.builder_cache import BuilderCache
from boatyard_layers.interpreter import Interpreter
from boatyard_layers.inventory import Inventory
from boatyard_layers.model import Base, Facts, LayerBlob, PathEntry
from boatyard_layers.store import LayerStore
from boatyard_layers.unpacked_interpreter import interpreter_of
from boatyard_registry.blobs import Blobs
from boatyard_registry.client import RegistryClient
from boatyard_registry.tag_list import tags


class RealBase:
    def __init__(self, client: RegistryClient, image: Reference, platform: str, own: Repository, folder: Path) -> None:
        """`own` gets what is kept of the base."""
        self.client = client
        self.image = image
        self.platform = platform
        self.own = own
        self.project = f"p{uuid.uuid4().hex[:8]}"
        self.cache = folder / "cache"
        """Of a machine whose jobs know the project."""
        self._folder = folder / "first"
        self._store = LayerStore(Blobs(client), own, own)

    @cached_property
    def base(self) -> Base:
        """Read by an empty machine, for an empty registry."""
        return resolve(self.image, self.platform, {}, self.client, self._store)

    @cached_property
    def interpreter(self) -> Interpreter:
        return interpreter_of(self.image, self.base, {}, self.client, self._store, BuilderCache(self._folder))

    def keep_in(self, repository: Repository) -> None:
        """Gives a repository what a build with this base keeps of it, as if there had been one."""
        assert self.interpreter
        blobs = Blobs(self.client)
        for tag in tags(self.client, self.own):
            if not tag.startswith("facts-"):
                continue
            document = blobs.get_manifest(Reference(self.own, tag))
            assert document
            manifest = decode_json(document.body, WholeManifest)
            for blob in (manifest.config, *manifest.layers):
                blobs.mount_or_copy(blob, self.own, repository)
            blobs.put_manifest(Reference(repository, tag), document.body, document.media_type)

    @cached_property
    def _read(self) -> dict[tuple[str, ...], tuple[Inventory, dict[str, bytes]]]:
        """What images contain after these layers."""
        base = tuple(layer.digest for layer in self.base.layers)
        facts = self.base.facts
        return {(): (Inventory.empty(), {}), base: (Inventory.decode(facts.inventory), dict(facts.files))}

    def read(self, image: Reference) -> Base:
        """An image, with the facts that it would have as a base."""
        found = resolve_alone(image, self.platform, self.client, self._store)
        digests = tuple(layer.digest for layer in found.layers)
        known = max(number for number in range(len(digests) + 1) if digests[:number] in self._read)
        view, files = self._read[digests[:known]]
        for number, (layer, path) in enumerate(self._downloaded(found.layers[known:], image), known + 1):
            view, files = with_layer(view, files, layer, path, _is_kept)
            self._read[digests[:number]] = view, files
        return msgspec.structs.replace(found, facts=Facts(inventory=view.encode(), files=files))

    def above(self, image: Reference, number: int) -> tuple[Base, Inventory]:
        """An image without facts, and what is in the layers above so many."""
        found = resolve_alone(image, self.platform, self.client, self._store)
        view, files = Inventory.empty(), dict[str, bytes]()
        for layer, path in self._downloaded(found.layers[number:], image):
            view, files = with_layer(view, files, layer, path, _is_kept)
        return found, view

    def _downloaded(self, layers: Sequence[LayerBlob], image: Reference) -> Iterator[tuple[LayerBlob, Path]]:
        return downloaded(layers, image.repository, Blobs(self.client))


def _is_kept(entry: PathEntry) -> bool:
    return is_kept(entry.path)
