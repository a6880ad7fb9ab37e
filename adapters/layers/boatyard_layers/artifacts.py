"""The documents of artifacts and images in a registry: equal input gives equal bytes, and what is read is bounded.

An artifact has the empty configuration (https://github.com/opencontainers/image-spec/blob/main/manifest.md, "Guidelines
for Artifact Usage"), and its last layer is its document: JSON in zstd.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard_layers.model import Facts, LayerBlob, PathEntry
from boatyard_registry.media import Descriptor

T = TypeVar("T")

MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
INDEX: Final = "application/vnd.oci.image.index.v1+json"
CONFIG: Final = "application/vnd.oci.image.config.v1+json"
WHEELS: Final = "application/vnd.boatyard.wheels.v1+json"
LAYER_TYPES: Final = (
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
)
PYTHON: Final = "application/vnd.boatyard.python.v1+zstd"
"""The layer of an artifact of facts that has an interpreter instead."""
EMPTY_TYPE: Final = "application/vnd.oci.empty.v1+json"
EMPTY: Final = b"{}"

PREFIX_KEY: Final = "io.boatyard.prefix"
FACTS_DIGEST: Final = "io.boatyard.facts"
"""Of the manifest of a prefix's facts: a tag may move, a digest does not."""
PYTHON_KEY: Final = "io.boatyard.python"
WHEELS_KEY: Final = "io.boatyard.wheels"

LARGEST_DOCUMENT: Final = 32 * 1024**2
"""Compressed bytes."""
LARGEST_PYTHON: Final = 128 * 1024**2
LARGEST_JSON: Final = 256 * 1024**2
_PIECE: Final = 1024**2
_LEVEL: Final = 3


class FactsDocument(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    """Of the prefix, or `base_key`."""
    layers: tuple[str, ...]
    """Digests of all layers that the facts describe."""
    facts: Facts


class GroupDocument(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    layer: LayerBlob
    entries: tuple[PathEntry, ...]
    files: dict[str, bytes] = {}


class WholeManifest(msgspec.Struct, frozen=True, rename={"media_type": "mediaType", "artifact_type": "artifactType"}):
    """A manifest with what Boatyard's artifacts have in addition."""

    config: Descriptor
    layers: tuple[Descriptor, ...]
    media_type: str = ""
    artifact_type: str = ""
    annotations: dict[str, str] = {}


class RootFs(msgspec.Struct, frozen=True):
    diff_ids: tuple[str, ...]


class StoredConfig(msgspec.Struct, frozen=True):
    """The part of an OCI image configuration that decides whether a prefix is the wanted one."""

    rootfs: RootFs
    os: str = ""
    architecture: str = ""
    variant: str = ""


def encode(document: Any) -> bytes:
    return msgspec.json.encode(document, order="deterministic")


def packed(document: Any) -> bytes:
    return deflated(encode(document))


def unpacked(data: bytes, kind: type[T]) -> T:
    """Raises Undecodable, for a document that is too large, too."""
    return decode_json(inflated(data), kind)


def deflated(data: bytes) -> bytes:
    from boatyard_layers import zstd

    return zstd.compress(data, _LEVEL)


def inflated(data: bytes) -> bytes:
    """Raises Undecodable, for more bytes than any document has, too."""
    from boatyard_layers import zstd

    try:
        text = zstd.decompress(data, LARGEST_JSON)
    except zstd.ZstdError:
        raise Undecodable("not zstd") from None
    if text is None:
        raise Undecodable("too large")
    return text


def manifest(
    config: Descriptor,
    config_type: str,
    layers: Sequence[tuple[Descriptor, str]],
    annotations: Mapping[str, str],
    artifact_type: str = "",
) -> bytes:
    """`layers` have their media types."""
    document: dict[str, Any] = {"schemaVersion": 2, "mediaType": MANIFEST}
    if artifact_type:
        document["artifactType"] = artifact_type
    document["config"] = described(config, config_type)
    document["layers"] = [described(*layer) for layer in layers]
    if annotations:
        document["annotations"] = dict(annotations)
    return encode(document)


def described(blob: Descriptor, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": blob.digest, "size": blob.size}


def descriptor(layer: LayerBlob) -> Descriptor:
    return Descriptor(layer.digest, layer.size, layer.media_type)
