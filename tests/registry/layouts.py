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

    def blobs(self) -> dict[str, bytes]:
        """By digest, without manifests."""
        return {digest: data for digest, data in self._stored() if not _is_manifest(data)}

    def manifests(self, top: dict[str, Any]) -> dict[str, bytes]:
        """By digest; `top` is the last one, after all that it names."""
        found = [(digest, data) for digest, data in self._stored() if _is_manifest(data)]
        return dict(sorted(found, key=lambda item: item[0] == top["digest"]))

    def push(self, top: dict[str, Any], repository: str, tag: str) -> str:
        """Pushes to the repository at this URL and returns the digest. Manifests are pushed after everything that they
        name."""
        with httpx.Client() as http:
            for digest, data in self.blobs().items():
                upload = http.post(f"{repository}/blobs/uploads/").raise_for_status().headers["location"]
                http.put(upload, params=_with(upload, digest), content=data).raise_for_status()
            for digest, data in self.manifests(top).items():
                name = tag if digest == top["digest"] else digest
                headers = {"content-type": json.loads(data)["mediaType"]}
                http.put(f"{repository}/manifests/{name}", content=data, headers=headers).raise_for_status()
        digest_of_top: str = top["digest"]
        return digest_of_top

    def _stored(self) -> list[tuple[str, bytes]]:
        found = sorted((self.folder / "blobs" / "sha256").iterdir())
        return [(f"sha256:{path.name}", path.read_bytes()) for path in found]


def _is_manifest(data: bytes) -> bool:
    return data.startswith(b'{"schemaVersion"')


def _with(upload: str, digest: str) -> httpx.QueryParams:
    return httpx.URL(upload).params.set("digest", digest)
