"""Reads what the registry has of earlier builds, and verifies it.

Keys are compared whole, a prefix begins with the base's own layers, and every blob answers. Anything else is `Missing`.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from boatyard.artifacts import FACTS_TYPE
from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError, Code
from boatyard.reference import Reference, Repository
from boatyard_layers.artifacts import (
    FACTS_DIGEST,
    LARGEST_DOCUMENT,
    LARGEST_PYTHON,
    LAYER_TYPES,
    PREFIX_KEY,
    PYTHON_KEY,
    WHEELS,
    WHEELS_KEY,
    FactsDocument,
    GroupDocument,
    StoredConfig,
    WholeManifest,
    unpacked,
)
from boatyard_layers.errors import NotExact
from boatyard_layers.inventory import Inventory, is_plain
from boatyard_layers.model import Base, Facts, Group, LayerBlob, Prefix
from boatyard_layers.places import BlobPlaces
from boatyard_registry.blobs import Blobs, Document
from boatyard_registry.documents import is_digest
from boatyard_registry.media import LARGEST_MANIFEST, Descriptor, Platform, normal_platform

UNREADABLE: Final = frozenset({Code.REGISTRY_UNAVAILABLE, Code.REGISTRY_DENIED})
"""What a registry answers that a build can do without."""
_MOST_LAYERS: Final = 512


class Missing(Exception):
    """There is no usable artifact; the text gives the reason, if there is one that a reader of the log wants."""


class ArtifactReader:
    """Thread-safe. Its methods take the manifest that a key's tag leads to, and raise Missing."""

    def __init__(self, blobs: Blobs, places: BlobPlaces, cache: Repository) -> None:
        self._blobs = blobs
        self._places = places
        self._cache = cache

    def prefix(self, key: str, document: Document, base: Base, pool: ThreadPoolExecutor) -> tuple[Prefix, Facts]:
        """`pool` has the threads for what is asked side by side."""
        whole = _decoded(document.body, WholeManifest)
        if whole.annotations.get(PREFIX_KEY) != key:
            raise Missing("it has another key")
        if len(whole.layers) > _MOST_LAYERS:
            raise Missing(f"it has {len(whole.layers):,} layers")
        digests = [layer.digest for layer in whole.layers]
        heads = [pool.submit(self._has, digest) for digest in digests]
        reading = pool.submit(self._facts_at, whole.annotations.get(FACTS_DIGEST, ""), key, digests)
        body = self._read(whole.config, LARGEST_MANIFEST)
        stored, config = _decoded(body, StoredConfig), _decoded(body, dict[str, Any])
        if normal_platform(base.platform) != str(Platform(stored.os, stored.architecture, stored.variant)):
            raise Missing("it is for another platform")
        if len(stored.rootfs.diff_ids) != len(whole.layers):
            raise Missing("its layers and its configuration differ")
        layers = tuple(
            LayerBlob(digest=layer.digest, size=layer.size, media_type=layer.media_type, diff_id=diff_id)
            for layer, diff_id in zip(whole.layers, stored.rootfs.diff_ids, strict=True)
        )
        if not all(is_digest(layer.diff_id) and layer.media_type in LAYER_TYPES for layer in layers):
            raise Missing("its layers are of another kind")
        if [_identity(layer) for layer in layers[: len(base.layers)]] != [_identity(layer) for layer in base.layers]:
            raise Missing("it begins with other layers than the base image")
        for layer, there in zip(layers, heads, strict=True):
            if not there.result():
                raise Missing(f"the registry has lost its layer {layer.digest}")
        facts = reading.result()
        config.pop("rootfs", None)
        config.pop("history", None)
        names = facts.distributions
        return Prefix(key=key, platform=base.platform, layers=layers, config=config, distributions=names), facts

    def facts(self, key: str, document: Document, layers: Sequence[str]) -> Facts:
        """Of an image of these layers, by their digests."""
        whole = _decoded(document.body, WholeManifest)
        if whole.artifact_type != FACTS_TYPE or len(whole.layers) != 1:
            raise Missing("its facts are another artifact")
        read = _unpacked(self._read(whole.layers[0], LARGEST_DOCUMENT), FactsDocument)
        if read.key != key or list(read.layers) != list(layers):
            raise Missing("its facts are of other layers")
        facts: Facts = read.facts
        _check_paths(facts.files)
        try:
            Inventory.decode(facts.inventory)
        except (ValueError, NotExact):
            raise Missing("its facts have no inventory") from None
        return facts

    def group(self, key: str, document: Document) -> Group:
        whole = _decoded(document.body, WholeManifest)
        if whole.annotations.get(WHEELS_KEY) != key or whole.artifact_type != WHEELS or len(whole.layers) != 2:
            raise Missing("it has another key")
        layer = whole.layers[0]
        read = _unpacked(self._read(whole.layers[1], LARGEST_DOCUMENT), GroupDocument)
        if read.key != key or (read.layer.digest, read.layer.size) != (layer.digest, layer.size):
            raise Missing("its document is of another layer")
        _check_paths([*read.files, *(entry.path for entry in read.entries)])
        if not self._has(layer.digest):
            raise Missing(f"the registry has lost its layer {layer.digest}")
        return Group(key=key, layer=read.layer, entries=read.entries, files=read.files)

    def python(self, key: str, document: Document) -> bytes:
        """The parts of an interpreter, as they were put."""
        whole = _decoded(document.body, WholeManifest)
        if whole.annotations.get(PYTHON_KEY) != key or whole.artifact_type != FACTS_TYPE or len(whole.layers) != 1:
            raise Missing("it has another key")
        return self._read(whole.layers[0], LARGEST_PYTHON)

    def _facts_at(self, digest: str, key: str, layers: Sequence[str]) -> Facts:
        try:
            document = self._blobs.get_manifest(Reference.parse(f"{self._cache}@{digest}"))
        except BoatyardError as error:
            raise Missing(f"its facts cannot be read: {error.detail}") from None
        if document is None:
            raise Missing("the registry has lost its facts")
        return self.facts(key, document, layers)

    def _has(self, digest: str) -> bool:
        try:
            return self._places.has(self._cache, digest)
        except BoatyardError as error:
            if error.code not in UNREADABLE:
                raise
            return False

    def _read(self, blob: Descriptor, most: int) -> bytes:
        try:
            data = self._blobs.read(self._cache, blob, most)
        except BoatyardError as error:
            if error.code not in UNREADABLE:
                raise
            raise Missing(error.detail) from None
        if data is None:
            raise Missing(f"the registry has lost {blob.digest}")
        return data


def _check_paths(paths: Iterable[str]) -> None:
    """Files of these paths are written on the machine of the job, too."""
    if not all(is_plain(path) for path in paths):
        raise Missing("it has a path that no image has")


def _identity(layer: LayerBlob) -> tuple[str, str]:
    return layer.digest, layer.diff_id


def _decoded(body: bytes, kind: Any) -> Any:
    try:
        return decode_json(body, kind)
    except Undecodable as error:
        raise Missing(f"it cannot be read ({error})") from None


def _unpacked(body: bytes, kind: Any) -> Any:
    try:
        return unpacked(body, kind)
    except Undecodable as error:
        raise Missing(f"its document cannot be read ({error})") from None
