"""What tests store, and how somebody else changes it in the registry."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from boatyard.lock import LockedLayer
from boatyard_layers.inventory import Inventory
from boatyard_layers.model import Base, Distribution, Facts, LayerBlob, Prefix
from boatyard_layers.store import LayerStore
from tests.registry.server import OCI_MANIFEST, FakeRegistry, digest_of

TAR = "application/vnd.oci.image.layer.v1.tar+gzip"
KEYS = tuple(hashlib.sha256(name).hexdigest() for name in (b"opening", b"apt", b"pip"))
DISTRIBUTIONS = (Distribution(name="rich", version="14.0", hashes=("sha256:" + "1" * 64,)),)
FACTS = Facts(
    inventory=Inventory.empty().encode(),
    files={"/etc/passwd": b"root:x:0:0::/root:/bin/sh\n"},
    lock=(LockedLayer(layer=0, removed=("idna",)),),
)
StoreAt = Callable[..., LayerStore]


def layer(data: bytes) -> LayerBlob:
    return LayerBlob(digest=digest_of(data), size=len(data), media_type=TAR, diff_id=digest_of(b"tar of " + data))


BASE_LAYERS = (layer(b"base 1"), layer(b"base 2"))
CONFIG: dict[str, object] = {
    "architecture": "amd64",
    "os": "linux",
    "config": {"Env": ["PATH=/opt/venv/bin"], "Labels": {"base": "1"}},
}


def put(store: LayerStore, base: Base, tmp_path: Path, count: int = 1) -> Prefix:
    """Stores the prefix of the first layers of the plan, as the machine that made them."""
    store.find_prefix((), base)
    made = []
    for number in range(count):
        data = f"layer {number}".encode()
        (tmp_path / "layer").write_bytes(data)
        store.put_layer(layer(data), tmp_path / "layer")
        made.append(layer(data))
    prefix = Prefix(
        key=KEYS[count - 1],
        platform=base.platform,
        layers=(*base.layers, *made),
        config=CONFIG,
        distributions=DISTRIBUTIONS,
    )
    store.put_prefix(prefix, FACTS)
    return prefix


def edited(fake: FakeRegistry, tag: str, edit: Callable[[dict[str, Any]], object]) -> None:
    """Replaces the manifest of a tag, as somebody else who may push could."""
    document = json.loads(fake.manifests["acme/images", tag][1])
    edit(document)
    fake.add_manifest("acme/images", tag, document, OCI_MANIFEST)
