"""Images in moto's ECR: manifests as a push stores them, with their configurations as blobs."""

import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from boatyard_aws.clients import Clients
from tests.aws.cloud import ACCOUNT, REGION, Cloud

HOST = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


class Ecr:
    def __init__(self, cloud: Cloud, clients: Clients) -> None:
        self._cloud = cloud
        self._client = clients.ecr()

    def repository(self, name: str, *, immutable: bool = False) -> str:
        mutability = "IMMUTABLE" if immutable else "MUTABLE"
        self._client.create_repository(repositoryName=name, imageTagMutability=mutability)
        return f"{HOST}/{name}"

    def push(
        self,
        name: str,
        tag: str,
        *platforms: str,
        key: str = "",
        index: bool = False,
        keys: Mapping[str, str] = MappingProxyType({}),
    ) -> str:
        """Returns the digest. `keys` has the keys of platforms whose key differs from the others'."""
        manifests = [
            (platform, self._manifest(platform, keys.get(platform, key), f"{tag} of {len(platforms)}"))
            for platform in platforms
        ]
        if len(manifests) == 1 and not index:
            return self._put(name, manifests[0][1], MANIFEST, tag)
        entries: list[dict[str, Any]] = [
            {
                "mediaType": MANIFEST,
                "digest": self._put(name, text, MANIFEST),
                "size": len(text),
                "platform": dict(zip(("os", "architecture"), platform.split("/"), strict=True)),
            }
            for platform, text in manifests
        ]
        entries.append(
            {
                "mediaType": MANIFEST,
                "digest": "sha256:" + "a" * 64,
                "size": 1,
                "platform": {"os": "unknown", "architecture": "unknown"},
                "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
            }
        )
        return self._put(name, json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}), INDEX, tag)

    def put(self, name: str, tag: str, manifest: bytes) -> str:
        """Stores a manifest of another registry; its digest stays the same."""
        return self._put(name, manifest.decode(), MANIFEST, tag)

    def _manifest(self, platform: str, key: str, comment: str) -> str:
        os, architecture = platform.split("/")
        labels = {"io.boatyard.key": key} if key else None
        # moto forgets a manifest when the tag moves by which it was pushed last; so no two pushes share one.
        made = {"os": os, "architecture": architecture, "config": {"Labels": labels}, "history": [{"comment": comment}]}
        config = json.dumps(made).encode()
        digest = "sha256:" + hashlib.sha256(config).hexdigest()
        self._cloud.blobs[digest] = config
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": len(config)},
            "layers": [],
        }
        return json.dumps(document)

    def _put(self, name: str, manifest: str, kind: str, tag: str = "") -> str:
        asked: dict[str, Any] = {"imageTag": tag} if tag else {}
        digest = "sha256:" + hashlib.sha256(manifest.encode()).hexdigest()  # which moto does not work out itself
        self._client.put_image(
            repositoryName=name,
            imageManifest=manifest,
            imageManifestMediaType=kind,
            imageDigest=digest,
            **asked,
        )
        return digest
