"""Reads what BuildKit pushed: the layers that it added, and their files for the inventory."""

from pathlib import Path
from typing import Any, Final

from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError, Code
from boatyard.reference import Reference
from boatyard_layers.artifacts import StoredConfig, WholeManifest, descriptor
from boatyard_layers.errors import NotExact
from boatyard_layers.made import Made
from boatyard_layers.model import LayerBlob
from boatyard_layers.store import LayerStore
from boatyard_registry.media import LARGEST_MANIFEST

_NOT_PART: Final = ("rootfs", "history")


def read_pushed(made: Made, store: LayerStore, digest: str, folder: Path) -> list[Made]:
    """`made` as it is, and with each further layer of an image in the cache's repository that starts from it. The last
    one has the image's configuration."""
    image = Reference(store.cache).at(digest)
    document = store.blobs.get_manifest(image)
    if document is None:
        raise BoatyardError(
            Code.REGISTRY_UNAVAILABLE, f"BuildKit reported that it pushed {image}, which does not exist"
        )
    try:
        manifest = decode_json(document.body, WholeManifest)
        body = store.blobs.read(store.cache, manifest.config, LARGEST_MANIFEST) or b""
        stored, config = decode_json(body, StoredConfig), decode_json(body, dict[str, Any])
    except Undecodable as error:
        raise BoatyardError(Code.REGISTRY_UNAVAILABLE, f"{image} cannot be read: {error}") from None
    layers = [
        LayerBlob(digest=layer.digest, size=layer.size, media_type=layer.media_type, diff_id=diff_id)
        for layer, diff_id in zip(manifest.layers, stored.rootfs.diff_ids, strict=True)
    ]
    known = len(made.layers)
    if [layer.diff_id for layer in layers[:known]] != [layer.diff_id for layer in made.layers]:
        raise NotExact("BuildKit changed the layers that the registry had")
    store.places.located(layers, store.cache)
    found = [made]
    for layer in layers[known:]:
        path = folder / "pushed"
        store.blobs.download(store.cache, descriptor(layer), path)
        found.append(found[-1].with_read(layer, path))
        path.unlink()
    config = {name: value for name, value in config.items() if name not in _NOT_PART}
    return [*found[:-1], found[-1].with_config(config)]
