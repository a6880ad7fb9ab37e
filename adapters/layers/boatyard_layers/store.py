"""The registry as the only cache: prefixes, their facts, groups of wheels, and interpreters.

Everything that is read is verified: keys are compared whole, a prefix begins with the base's own layers, and every blob
answers. Anything else counts as missing, because a build that makes its layers itself is always right. Everything is
written before what names it, so that a writer that is killed leaves nothing that a reader takes for whole.
Somebody who may push to the cache's repository can still replace a layer's contents.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from boatyard.artifacts import CREATED, DIGITS, FACTS_TYPE, Kind, tag
from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError, Code
from boatyard.reference import Reference, Repository
from boatyard_layers.artifacts import (
    CONFIG,
    EMPTY,
    EMPTY_TYPE,
    FACTS_DIGEST,
    LARGEST_DOCUMENT,
    LARGEST_PYTHON,
    LAYER_TYPES,
    MANIFEST,
    PREFIX_KEY,
    PYTHON,
    PYTHON_KEY,
    WHEELS,
    WHEELS_KEY,
    FactsDocument,
    GroupDocument,
    StoredConfig,
    WholeManifest,
    manifest,
    packed,
    unpacked,
)
from boatyard_layers.errors import NotExact
from boatyard_layers.image_manifests import config_of, put_image, with_types
from boatyard_layers.inventory import Inventory, is_plain
from boatyard_layers.model import Base, Facts, Group, LayerBlob, Prefix
from boatyard_layers.places import BlobPlaces
from boatyard_registry.blobs import Blobs, Document
from boatyard_registry.documents import is_digest
from boatyard_registry.media import LARGEST_MANIFEST, Descriptor, Platform, normal_platform, sha256_of

_AT_ONCE: Final = 8
_MOST_LAYERS: Final = 512
_UNREADABLE: Final = frozenset({Code.REGISTRY_UNAVAILABLE, Code.REGISTRY_DENIED})


class _Missing(Exception):
    """There is no usable artifact; the text gives the reason, if there is one that a reader of the log wants."""


class LayerStore:
    """Thread-safe. Methods that write raise PUSH_DENIED, REGISTRY_UNAVAILABLE or REGISTRY_DENIED."""

    def __init__(
        self,
        blobs: Blobs,
        cache: Repository,
        target: Repository,
        *,
        force: bool = False,
        note: Callable[[str], None] = lambda _: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`force` finds nothing. `note` takes lines for the log: why something that was found is not used."""
        self.blobs = blobs
        self.cache = cache
        self.target = target
        self._force = force
        self._note = note
        self._now = now
        self.places = BlobPlaces(blobs, cache, force=force)
        self._facts: dict[str, Facts] = {}
        self._groups: dict[str, Group] = {}
        self._files: dict[tuple[str, ...], Mapping[str, bytes]] = {}
        self._images: dict[str, Descriptor] = {}

    def put_layer(self, layer: LayerBlob, path: Path) -> None:
        """Uploads a layer to the cache's repository."""
        with path.open("rb") as file:
            self.places.put_layer(self.cache, layer, file)

    def keep_files(self, layers: Sequence[str], files: Mapping[str, bytes]) -> None:
        """Keeps files of the image of these layers in memory: whoever wants them would read the layers again."""
        self._files[tuple(layers)] = files

    def take_files(self, layers: Sequence[str]) -> Mapping[str, bytes] | None:
        return self._files.pop(tuple(layers), None)

    def find_prefix(self, keys: Sequence[str], base: Base) -> Prefix | None:
        """The prefix of the last of these keys that the registry has whole. `keys` are in the order of the plan."""
        self.places.located(base.layers, Repository.parse(base.repository))
        if self._force or not keys:
            return None
        with ThreadPoolExecutor(_AT_ONCE, "boatyard-prefix") as pool:
            found = list(pool.map(lambda key: self._manifest("prefix", key), reversed(keys)))
            for key, document in zip(reversed(keys), found, strict=True):
                if document is None:
                    continue
                try:
                    return self._prefix(key, document, base, pool)
                except _Missing as error:
                    self._note(f"the registry's image of the layers so far ({key[:DIGITS]}) is not used: {error}")
        return None

    def put_prefix(self, prefix: Prefix, facts: Facts) -> None:
        """Makes the cache's repository have a prefix, with its layers and facts."""
        self._put_prefix(prefix, self._remember(prefix, facts))

    def facts(self, prefix: Prefix) -> Facts:
        """The facts of a prefix that was found or put."""
        return self._facts[prefix.key]

    def find_facts(self, key: str, layers: Sequence[str]) -> Facts | None:
        """The facts that were put under this key, if they describe these layers' digests."""
        if self._force:
            return None
        document = self._manifest("facts", key)
        try:
            return self._read_facts(document, key, layers) if document else None
        except _Missing as error:
            self._note(f"the registry's facts of the base image are not used: {error}")
            return None

    def put_facts(self, key: str, layers: Sequence[str], facts: Facts) -> None:
        self._put_facts(key, FactsDocument(key=key, layers=tuple(layers), facts=facts))

    def find_group(self, key: str) -> Group | None:
        """A group of this build, or of an earlier one."""
        if key in self._groups:
            return self._groups[key]
        if self._force:
            return None
        document = self._manifest("wheels", key)
        if document is None:
            return None
        try:
            return self._group(key, document)
        except _Missing as error:
            self._note(f"the registry's layer of wheels ({key[:DIGITS]}) is not used: {error}")
            return None

    def put_group(self, group: Group, path: Path) -> None:
        """Makes the cache's repository have a group, whose layer is in this file."""
        with path.open("rb") as file:
            self._put_group(group, file)

    def find_python(self, key: str) -> bytes | None:
        """The parts of an interpreter, as they were put: whoever decodes them compares the key."""
        document = None if self._force else self._manifest("facts", key)
        if document is None:
            return None
        try:
            whole = _decoded(document.body, WholeManifest)
            if whole.annotations.get(PYTHON_KEY) != key or whole.artifact_type != FACTS_TYPE or len(whole.layers) != 1:
                raise _Missing("it has another key")
            return self._read(whole.layers[0], LARGEST_PYTHON)
        except _Missing as error:
            self._note(f"the registry's interpreter of the base image is not used: {error}")
            return None

    def put_python(self, key: str, data: bytes) -> None:
        blob = self.blobs.put(self.cache, data)
        body = manifest(self._empty(), EMPTY_TYPE, [(blob, PYTHON)], {PYTHON_KEY: key, **self.created()}, FACTS_TYPE)
        self._put("facts", key, body)

    def put_image(self, target: Reference, prefixes: Mapping[str, Prefix], labels: Mapping[str, str]) -> str:
        """Puts an image of these prefixes, by platform, and returns its digest. Raises TAG_IMMUTABLE, too."""
        made = put_image(target, prefixes, labels, self.blobs, self.places)
        self._images[made.digest] = made
        return made.digest

    def described(self, digest: str) -> Descriptor:
        """An image that was put, with its media type."""
        return self._images[digest]

    def _remember(self, prefix: Prefix, facts: Facts) -> Facts:
        facts = msgspec.structs.replace(facts, distributions=prefix.distributions)
        self._facts[prefix.key] = facts
        return facts

    def _put_prefix(self, prefix: Prefix, facts: Facts) -> None:
        digests = tuple(layer.digest for layer in prefix.layers)
        document = FactsDocument(key=prefix.key, layers=digests, facts=facts)
        with ThreadPoolExecutor(2, "boatyard-prefix") as pool:
            name = pool.submit(self._put_facts, prefix.key, document)
            config = pool.submit(self.places.put_document, self.cache, config_of(prefix, {}))
            self.places.gather(prefix.layers, self.cache)
        annotations = {PREFIX_KEY: prefix.key, FACTS_DIGEST: name.result(), **self.created()}
        body = manifest(config.result(), CONFIG, with_types(prefix.layers), annotations)
        self._put("prefix", prefix.key, body)

    def _put_group(self, group: Group, file: BinaryIO) -> None:
        self._groups[group.key] = group
        self.places.put_layer(self.cache, group.layer, file)
        document = self.places.put_document(
            self.cache,
            packed(GroupDocument(key=group.key, layer=group.layer, entries=group.entries, files=group.files)),
        )
        layers = [*with_types((group.layer,)), (document, f"{WHEELS}+zstd")]
        body = manifest(self._empty(), EMPTY_TYPE, layers, {WHEELS_KEY: group.key, **self.created()}, WHEELS)
        self._put("wheels", group.key, body)

    def _manifest(self, kind: Kind, key: str) -> Document | None:
        """None if it cannot be read, too: a registry that does not answer fails the push, with its reason."""
        name = tag(kind, key)
        try:
            return self.blobs.get_manifest(Reference(self.cache, name))
        except BoatyardError as error:
            if error.code not in _UNREADABLE:
                raise
            self._note(f"{name} cannot be read: {error.detail}")
            return None

    def _prefix(self, key: str, document: Document, base: Base, pool: ThreadPoolExecutor) -> Prefix:
        whole = _decoded(document.body, WholeManifest)
        if whole.annotations.get(PREFIX_KEY) != key:
            raise _Missing("it has another key")
        if len(whole.layers) > _MOST_LAYERS:
            raise _Missing(f"it has {len(whole.layers):,} layers")
        digests = [layer.digest for layer in whole.layers]
        heads = [pool.submit(self._has, digest) for digest in digests]
        reading = pool.submit(self._facts_at, whole.annotations.get(FACTS_DIGEST, ""), key, digests)
        body = self._read(whole.config, LARGEST_MANIFEST)
        stored, config = _decoded(body, StoredConfig), _decoded(body, dict[str, Any])
        if normal_platform(base.platform) != str(Platform(stored.os, stored.architecture, stored.variant)):
            raise _Missing("it is for another platform")
        if len(stored.rootfs.diff_ids) != len(whole.layers):
            raise _Missing("its layers and its configuration differ")
        layers = tuple(
            LayerBlob(digest=layer.digest, size=layer.size, media_type=layer.media_type, diff_id=diff_id)
            for layer, diff_id in zip(whole.layers, stored.rootfs.diff_ids, strict=True)
        )
        if not all(is_digest(layer.diff_id) and layer.media_type in LAYER_TYPES for layer in layers):
            raise _Missing("its layers are of another kind")
        if [_identity(layer) for layer in layers[: len(base.layers)]] != [_identity(layer) for layer in base.layers]:
            raise _Missing("it begins with other layers than the base image")
        for layer, there in zip(layers, heads, strict=True):
            if not there.result():
                raise _Missing(f"the registry has lost its layer {layer.digest}")
        facts = reading.result()
        self._facts[key] = facts
        config.pop("rootfs", None)
        config.pop("history", None)
        return Prefix(key=key, platform=base.platform, layers=layers, config=config, distributions=facts.distributions)

    def _facts_at(self, digest: str, key: str, layers: Sequence[str]) -> Facts:
        try:
            document = self.blobs.get_manifest(Reference.parse(f"{self.cache}@{digest}"))
        except BoatyardError as error:
            raise _Missing(f"its facts cannot be read: {error.detail}") from None
        if document is None:
            raise _Missing("the registry has lost its facts")
        return self._read_facts(document, key, layers)

    def _read_facts(self, document: Document, key: str, layers: Sequence[str]) -> Facts:
        whole = _decoded(document.body, WholeManifest)
        if whole.artifact_type != FACTS_TYPE or len(whole.layers) != 1:
            raise _Missing("its facts are another artifact")
        read = _unpacked(self._read(whole.layers[0], LARGEST_DOCUMENT), FactsDocument)
        if read.key != key or list(read.layers) != list(layers):
            raise _Missing("its facts are of other layers")
        facts: Facts = read.facts
        _check_paths(facts.files)
        try:
            Inventory.decode(facts.inventory)
        except (ValueError, NotExact):
            raise _Missing("its facts have no inventory") from None
        return facts

    def _group(self, key: str, document: Document) -> Group:
        whole = _decoded(document.body, WholeManifest)
        if whole.annotations.get(WHEELS_KEY) != key or whole.artifact_type != WHEELS or len(whole.layers) != 2:
            raise _Missing("it has another key")
        layer = whole.layers[0]
        read = _unpacked(self._read(whole.layers[1], LARGEST_DOCUMENT), GroupDocument)
        if read.key != key or (read.layer.digest, read.layer.size) != (layer.digest, layer.size):
            raise _Missing("its document is of another layer")
        _check_paths([*read.files, *(entry.path for entry in read.entries)])
        if not self._has(layer.digest):
            raise _Missing(f"the registry has lost its layer {layer.digest}")
        return Group(key=key, layer=read.layer, entries=read.entries, files=read.files)

    def _has(self, digest: str) -> bool:
        try:
            return self.places.has(self.cache, digest)
        except BoatyardError as error:
            if error.code not in _UNREADABLE:
                raise
            return False

    def _read(self, blob: Descriptor, most: int) -> bytes:
        try:
            data = self.blobs.read(self.cache, blob, most)
        except BoatyardError as error:
            if error.code not in _UNREADABLE:
                raise
            raise _Missing(error.detail) from None
        if data is None:
            raise _Missing(f"the registry has lost {blob.digest}")
        return data

    def _put_facts(self, key: str, document: FactsDocument) -> str:
        blob = self.places.put_document(self.cache, packed(document))
        body = manifest(self._empty(), EMPTY_TYPE, [(blob, f"{FACTS_TYPE}+zstd")], self.created(), FACTS_TYPE)
        return self._put("facts", key, body)

    def _put(self, kind: Kind, key: str, body: bytes) -> str:
        """An artifact under a tag that cannot move is kept, and this one stays without a tag. What a registry does not
        take is not there for the next build; the image itself needs no artifact."""
        name = tag(kind, key)
        if self._force and (same := self._same(Reference(self.cache, name), body)):
            return same
        try:
            return self.blobs.put_manifest(Reference(self.cache, name), body, MANIFEST)
        except BoatyardError as error:
            if error.code == Code.TAG_IMMUTABLE:
                self._note(f"{self.cache}:{name} is another artifact, and the registry lets none take its place")
                return self.blobs.put_manifest(Reference(self.cache), body, MANIFEST)
            self._note(f"{self.cache}:{name} is not kept for the next build: {error.detail}")
            return sha256_of(body)

    def _same(self, reference: Reference, body: bytes) -> str | None:
        """The digest of the artifact that this one, which nobody looked for, would replace by its equal. Registries
        keep what loses its tag, with all of its blobs."""
        try:
            document = self.blobs.get_manifest(reference)
            there = decode_json(document.body, dict[str, Any]) if document else {}
        except (BoatyardError, Undecodable):
            return None
        ours = msgspec.json.decode(body)
        for each in (there, ours):
            if isinstance(annotations := each.get("annotations"), dict):
                annotations.pop(CREATED, None)
        return document.digest if document and there == ours else None

    def created(self) -> dict[str, str]:
        """The annotation of what is pushed now."""
        now = datetime.fromtimestamp(self._now(), timezone.utc)
        return {CREATED: now.isoformat(timespec="seconds")}

    def _empty(self) -> Descriptor:
        return self.places.put_document(self.cache, EMPTY, look=True)


def _check_paths(paths: Iterable[str]) -> None:
    """Files of these paths are written on the machine of the job, too."""
    if not all(is_plain(path) for path in paths):
        raise _Missing("it has a path that no image has")


def _identity(layer: LayerBlob) -> tuple[str, str]:
    return layer.digest, layer.diff_id


def _decoded(body: bytes, kind: Any) -> Any:
    try:
        return decode_json(body, kind)
    except Undecodable as error:
        raise _Missing(f"it cannot be read ({error})") from None


def _unpacked(body: bytes, kind: Any) -> Any:
    try:
        return unpacked(body, kind)
    except Undecodable as error:
        raise _Missing(f"its document cannot be read ({error})") from None
