"""Puts images together: their configurations, manifests and indexes."""

from collections.abc import Iterable, Mapping
from typing import Any

from boatyard.reference import Reference
from boatyard_layers.artifacts import CONFIG, INDEX, MANIFEST, described, descriptor, encode, manifest
from boatyard_layers.model import LayerBlob, Prefix
from boatyard_layers.places import BlobPlaces
from boatyard_registry.blobs import Blobs
from boatyard_registry.media import Descriptor


def put_image(
    target: Reference, prefixes: Mapping[str, Prefix], labels: Mapping[str, str], blobs: Blobs, places: BlobPlaces
) -> Descriptor:
    """Makes the target's tag resolve to an image of these prefixes, by platform: an index if there are several.

    Raises TAG_IMMUTABLE, and like everything that writes.
    """
    repository = target.repository
    entries: list[dict[str, Any]] = []
    for platform, prefix in prefixes.items():
        places.gather(prefix.layers, repository)
        config = places.put_document(repository, config_of(prefix, labels))
        body = manifest(config, CONFIG, with_types(prefix.layers), {})
        if len(prefixes) == 1:
            return _tagged(target, body, MANIFEST, blobs)
        digest = blobs.put_manifest(Reference(repository), body, MANIFEST)
        entries.append(described(Descriptor(digest, len(body)), MANIFEST) | {"platform": _platform(platform)})
    index = encode({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})
    return _tagged(target, index, INDEX, blobs)


def config_of(prefix: Prefix, labels: Mapping[str, str]) -> bytes:
    """The configuration of an image of this prefix."""
    config: dict[str, Any] = dict(prefix.config)
    if labels:
        inner = config.get("config")
        inner = dict(inner) if isinstance(inner, dict) else {}
        inner["Labels"] = {**(inner.get("Labels") or {}), **labels}
        config["config"] = inner
    config["rootfs"] = {"type": "layers", "diff_ids": [layer.diff_id for layer in prefix.layers]}
    return encode(config)


def with_types(layers: Iterable[LayerBlob]) -> list[tuple[Descriptor, str]]:
    return [(descriptor(layer), layer.media_type) for layer in layers]


def _tagged(target: Reference, body: bytes, media_type: str, blobs: Blobs) -> Descriptor:
    digest = blobs.put_manifest(Reference(target.repository, target.tag), body, media_type)
    return Descriptor(digest, len(body), media_type)


def _platform(platform: str) -> dict[str, str]:
    os, architecture, *variant = platform.split("/")
    return {"architecture": architecture, "os": os} | ({"variant": variant[0]} if variant else {})
