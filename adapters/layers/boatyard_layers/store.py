"""The registry as the only cache: prefixes, their facts, groups of wheels, and interpreters.

What cannot be verified (`artifact_reader`) counts as missing, because a build that makes its layers itself is always
right. Everything is written before what names it, so that a writer that is killed leaves nothing that a reader takes
for whole. Somebody who may push to the cache's repository can still replace a layer's contents.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from boatyard.artifacts import CREATED, DIGITS, FACTS_TYPE, Kind, tag
from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError, Code
from boatyard.reference import Reference, Repository
from boatyard_layers.artifact_reader import UNREADABLE, ArtifactReader, Missing
from boatyard_layers.artifacts import (
    CONFIG,
    EMPTY,
    EMPTY_TYPE,
    FACTS_DIGEST,
    MANIFEST,
    PREFIX_KEY,
    PYTHON,
    PYTHON_KEY,
    WHEELS,
    WHEELS_KEY,
    FactsDocument,
    GroupDocument,
    manifest,
    packed,
)
from boatyard_layers.image_manifests import config_of, put_image, with_types
from boatyard_layers.model import Base, Facts, Group, LayerBlob, Prefix
from boatyard_layers.places import BlobPlaces
from boatyard_registry.blobs import Blobs, Document
from boatyard_registry.media import Descriptor, sha256_of

_AT_ONCE: Final = 8


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
        self._reader = ArtifactReader(blobs, self.places, cache)
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
                    prefix, self._facts[key] = self._reader.prefix(key, document, base, pool)
                    return prefix
                except Missing as error:
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
            return self._reader.facts(key, document, layers) if document else None
        except Missing as error:
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
            return self._reader.group(key, document)
        except Missing as error:
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
            return self._reader.python(key, document)
        except Missing as error:
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
            if error.code not in UNREADABLE:
                raise
            self._note(f"{name} cannot be read: {error.detail}")
            return None

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
