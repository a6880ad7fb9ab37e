"""Small handmade OCI images."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx

from tests.registry.server import OCI_INDEX, OCI_MANIFEST, digest_of


class Layout:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "blobs" / "sha256").mkdir(parents=True)

    def add(self, data: bytes, media_type: str = "x", **more: Any) -> dict[str, Any]:
        digest = digest_of(data)
        (self.folder / "blobs" / "sha256" / digest.removeprefix("sha256:")).write_bytes(data)
        return {"mediaType": media_type, "digest": digest, "size": len(data), **more}

    def image(
        self, *layers: bytes, platform: str = "linux/amd64", labels: Mapping[str, str] = MappingProxyType({})
    ) -> dict[str, Any]:
        os, architecture = platform.split("/")
        config = self.add(
            json.dumps(
                {"os": os, "architecture": architecture, "n": len(layers), "config": {"Labels": dict(labels)}}
            ).encode(),
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

    def push(self, top: dict[str, Any], repository: str, tag: str) -> str:
        """Pushes to the repository at this URL and returns the digest. Manifests are pushed after everything that they
        name."""
        manifests: dict[str, bytes] = {}
        with httpx.Client() as http:
            for path in sorted((self.folder / "blobs" / "sha256").iterdir()):
                data = path.read_bytes()
                if data.startswith(b'{"schemaVersion"'):
                    manifests[f"sha256:{path.name}"] = data
                else:
                    upload = http.post(f"{repository}/blobs/uploads/").raise_for_status().headers["location"]
                    put = http.put(upload, params=_with(upload, f"sha256:{path.name}"), content=data)
                    put.raise_for_status()
            for digest, data in sorted(manifests.items(), key=lambda item: item[0] == top["digest"]):
                name = tag if digest == top["digest"] else digest
                headers = {"content-type": json.loads(data)["mediaType"]}
                http.put(f"{repository}/manifests/{name}", content=data, headers=headers).raise_for_status()
        digest_of_top: str = top["digest"]
        return digest_of_top


def _with(upload: str, digest: str) -> httpx.QueryParams:
    return httpx.URL(upload).params.set("digest", digest)
