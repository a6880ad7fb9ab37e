"""Resolves a base image, and reads what its layers contain: once, then the registry has the facts."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import msgspec

from boatyard import canonical
from boatyard.decoding import Undecodable, decode_json
from boatyard.mirrors import mirrored
from boatyard.reference import Reference, Repository
from boatyard_layers.artifacts import LAYER_TYPES, StoredConfig, WholeManifest, descriptor
from boatyard_layers.errors import NoSuchBase, NotExact
from boatyard_layers.interpreter_parts import PartsFilter
from boatyard_layers.inventory import Inventory, join, parent
from boatyard_layers.model import Base, Facts, LayerBlob, PathEntry
from boatyard_layers.store import LayerStore
from boatyard_layers.tar_reading import read_layer
from boatyard_registry.blobs import Blobs, Document
from boatyard_registry.client import RegistryClient
from boatyard_registry.documents import is_digest, parsed_manifest
from boatyard_registry.media import LARGEST_MANIFEST, Platform, normal_platform

_DOCKER_LAYER: Final = "application/vnd.docker.image.rootfs.diff.tar"
_OCI_LAYER: Final = "application/vnd.oci.image.layer.v1.tar"
_LARGEST_KEPT: Final = 4 * 1024**2
_AHEAD: Final = 2
"""Layers that are downloaded at a time, while another one is read."""
_MOST_LAYERS: Final = 256
_NO_FACTS: Final = Facts(inventory=b"")


def resolve(
    reference: Reference, platform: str, mirrors: Mapping[str, str], client: RegistryClient, store: LayerStore
) -> Base:
    """The base image as the registry, or its mirror, has it now, with its facts.

    Raises NotExact for an image that BuildKit should report or can use and this module cannot, and
    REGISTRY_UNAVAILABLE or REGISTRY_DENIED.
    """
    return with_facts(resolve_alone(mirrored(reference, mirrors), platform, client, store), client, store)


def resolve_alone(reference: Reference, platform: str, client: RegistryClient, store: LayerStore) -> Base:
    """The same without facts, which an image with a prefix does not need. Raises like `resolve`."""
    blobs = Blobs(client)
    found = manifest_of(reference, platform, blobs)
    layers, config = _described(reference, found, platform, blobs)
    store.places.located(layers, reference.repository)
    return Base(
        repository=str(reference.repository),
        digest=found.digest,
        platform=platform,
        layers=layers,
        config=config,
        facts=_NO_FACTS,
    )


def with_facts(base: Base, client: RegistryClient, store: LayerStore) -> Base:
    """The base with its facts, of the registry or of its layers. Raises like `resolve`."""
    if base.facts is not _NO_FACTS:
        return base
    digests = [layer.digest for layer in base.layers]
    facts = store.find_facts(_key(base.digest), digests)
    if facts is None:
        reference = Reference(Repository.parse(base.repository)).at(base.digest)
        facts = read_facts(base.layers, reference, Blobs(client), store)
        store.put_facts(_key(base.digest), digests, facts)
    return msgspec.structs.replace(base, facts=facts)


def is_kept(path: str) -> bool:
    """Whether facts keep the contents of this file."""
    return (
        path in ("/etc/passwd", "/etc/group")
        or path.endswith(("/pyvenv.cfg", ".pth", ".egg-link"))
        or ".dist-info/" in path
        or ".egg-info/" in path
    )


def read_facts(layers: Sequence[LayerBlob], reference: Reference, blobs: Blobs, store: LayerStore) -> Facts:
    """Reads all layers. What the cache's registry lacks is uploaded from the same files."""
    inventory, files = Inventory.empty(), dict[str, bytes]()
    parts = PartsFilter(_is_small_and_kept)
    for layer, path in downloaded(layers, reference.repository, blobs):
        if reference.repository.host != store.cache.host:
            store.put_layer(layer, path)
        inventory, files = with_layer(inventory, files, layer, path, parts)
    if (found := parts.found(files)) is not None:
        store.keep_files([layer.digest for layer in layers], found)
    try:
        return Facts(
            inventory=inventory.encode(),
            files={path: files[path] for path in sorted(files) if is_kept(path) and len(files[path]) <= _LARGEST_KEPT},
        )
    except ValueError:
        raise NotExact(f"{reference} has a path that is not UTF-8") from None


def with_layer(
    inventory: Inventory, files: dict[str, bytes], layer: LayerBlob, path: Path, keep: Callable[[PathEntry], bool]
) -> tuple[Inventory, dict[str, bytes]]:
    """The view and the kept contents after one more layer, which is in a file."""
    with path.open("rb") as stream:
        read = read_layer(stream, layer.media_type, keep=keep)
    inventory = inventory.applied(read.entries, read.removed, read.opaque)
    replaced = {entry.path for entry in read.entries}
    brought = {_real(inventory, path): data for path, data in read.kept.items()}
    together = {path: data for path, data in files.items() if path not in replaced} | brought
    return inventory, {path: data for path, data in together.items() if _is_file(inventory, path)}


def downloaded(layers: Sequence[LayerBlob], repository: Repository, blobs: Blobs) -> Iterator[tuple[LayerBlob, Path]]:
    """The layers in their order, each in a file that exists until the next one is asked for."""
    with (
        tempfile.TemporaryDirectory(prefix="boatyard-base-") as folder,
        ThreadPoolExecutor(_AHEAD, "boatyard-base") as pool,
    ):

        def download(number: int) -> Path:
            path = Path(folder, str(number))
            blobs.download(repository, descriptor(layers[number]), path)
            return path

        started = [pool.submit(download, number) for number in range(min(_AHEAD, len(layers)))]
        try:
            for number, layer in enumerate(layers):
                path = started[number].result()
                if number + _AHEAD < len(layers):
                    started.append(pool.submit(download, number + _AHEAD))
                yield layer, path
                path.unlink()
        finally:
            for future in started:
                future.cancel()


def manifest_of(reference: Reference, platform: str, blobs: Blobs) -> Document:
    """The manifest of the image for this platform."""
    found = blobs.get_manifest(reference)
    if found is None:
        raise NoSuchBase(f"the registry does not have {reference}")
    manifest = parsed_manifest(reference, found.body)
    if manifest.manifests is None:
        return found
    wanted = normal_platform(platform)
    for entry in manifest.manifests:
        if entry.platform and not entry.is_attestation and str(entry.platform) == wanted:
            if not is_digest(entry.digest):
                break
            inner = blobs.get_manifest(reference.at(entry.digest))
            if inner is None:
                raise NoSuchBase(f"the registry does not have {reference} for {platform}")
            return inner
    raise NoSuchBase(f"{reference} is not for {platform}")


def _described(
    reference: Reference, found: Document, platform: str, blobs: Blobs
) -> tuple[tuple[LayerBlob, ...], dict[str, Any]]:
    """The layers and the configuration, without what a maker derives from the layers."""
    try:
        whole = decode_json(found.body, WholeManifest)
        body = blobs.read(reference.repository, whole.config, LARGEST_MANIFEST)
        if body is None:
            raise NotExact(f"the registry has lost the configuration of {reference}")
        stored, config = decode_json(body, StoredConfig), decode_json(body, dict[str, Any])
    except Undecodable as error:
        raise NotExact(f"{reference} is no image that this can read: {error}") from None
    if str(Platform(stored.os, stored.architecture, stored.variant)) != normal_platform(platform):
        raise NoSuchBase(f"{reference} is not for {platform}")
    if len(whole.layers) != len(stored.rootfs.diff_ids) or len(whole.layers) > _MOST_LAYERS:
        raise NotExact(f"the layers of {reference} and its configuration differ")
    layers = tuple(
        LayerBlob(digest=layer.digest, size=layer.size, media_type=_oci(layer.media_type), diff_id=diff_id)
        for layer, diff_id in zip(whole.layers, stored.rootfs.diff_ids, strict=True)
    )
    for layer in layers:
        if layer.media_type not in LAYER_TYPES or not is_digest(layer.digest) or not is_digest(layer.diff_id):
            raise NotExact(f"{reference} has a layer of the type {layer.media_type[:100]!r}")
    config.pop("rootfs", None)
    config.pop("history", None)
    return layers, config


def _oci(media_type: str) -> str:
    """An OCI manifest names Docker's layers by OCI's types; the bytes are the same."""
    if media_type == _DOCKER_LAYER:
        return _OCI_LAYER
    return media_type.replace(f"{_DOCKER_LAYER}.", f"{_OCI_LAYER}+")


def _is_small_and_kept(entry: PathEntry) -> bool:
    return entry.size <= _LARGEST_KEPT and is_kept(entry.path)


def _real(inventory: Inventory, path: str) -> str:
    """A layer may name a file by a link to its folder."""
    return join(inventory.resolve(parent(path)), path.rpartition("/")[2])


def _is_file(inventory: Inventory, path: str) -> bool:
    entry = inventory.get(path)
    return entry is not None and entry.kind in ("file", "hardlink")


def _key(digest: str) -> str:
    return canonical.digest(("boatyard/base/1", digest))
