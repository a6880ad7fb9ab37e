"""A base for amd64 and arm64, where only images for this machine can be had."""

import json

from boatyard.decoding import convert
from boatyard.reference import Reference
from boatyard_layers.artifacts import INDEX, described, encode
from boatyard_layers.base import manifest_of
from boatyard_registry.blobs import Blobs
from boatyard_registry.client import RegistryClient
from boatyard_registry.media import Descriptor


def base_for_both(client: RegistryClient, image: Reference, target: Reference) -> int:
    """Pushes an index of an image for amd64, and of its layers with the configuration of arm64: no program of that one
    runs.

    Returns the number of layers."""
    blobs = Blobs(client)
    manifest = json.loads(manifest_of(image, "linux/amd64", blobs).body)
    config = json.loads(blobs.read(image.repository, convert(manifest["config"], Descriptor), 1 << 20) or b"{}")
    for layer in manifest["layers"]:
        blobs.mount_or_copy(convert(layer, Descriptor), image.repository, target.repository)
    entries = []
    for architecture in ({"architecture": "amd64"}, {"architecture": "arm64", "variant": "v8"}):
        blob = blobs.put(target.repository, encode({**config, **architecture}))
        body = encode({**manifest, "config": described(blob, manifest["config"]["mediaType"])})
        digest = blobs.put_manifest(Reference(target.repository), body, manifest["mediaType"])
        entry = described(Descriptor(digest, len(body)), manifest["mediaType"])
        entries.append({**entry, "platform": {"os": "linux", **architecture}})
    index = encode({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})
    blobs.put_manifest(target, index, INDEX)
    return len(manifest["layers"])
