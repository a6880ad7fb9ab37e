"""Small OCI layouts, made by hand."""

import json
from pathlib import Path
from typing import Any

from tests.registry.server import OCI_INDEX, OCI_MANIFEST, digest_of


class Layout:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "blobs" / "sha256").mkdir(parents=True)

    def add(self, data: bytes, media_type: str = "x", **more: Any) -> dict[str, Any]:
        digest = digest_of(data)
        (self.folder / "blobs" / "sha256" / digest.removeprefix("sha256:")).write_bytes(data)
        return {"mediaType": media_type, "digest": digest, "size": len(data), **more}

    def image(self, *layers: bytes, platform: str = "linux/amd64") -> dict[str, Any]:
        os, architecture = platform.split("/")
        config = self.add(
            json.dumps({"os": os, "architecture": architecture, "n": len(layers)}).encode(),
            "application/vnd.oci.image.config.v1+json",
        )
        layer_type = "application/vnd.oci.image.layer.v1.tar"
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": config,
            "layers": [self.add(layer, layer_type) for layer in layers],
        }
        described = {"os": os, "architecture": architecture}
        return self.add(json.dumps(manifest).encode(), OCI_MANIFEST, platform=described)

    def index(self, *entries: dict[str, Any]) -> dict[str, Any]:
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries)}
        return self.add(json.dumps(document).encode(), OCI_INDEX)

    def root(self, *entries: dict[str, Any]) -> Path:
        (self.folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": list(entries)}))
        return self.folder
