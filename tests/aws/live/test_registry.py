"""The contract suite of registries, with ECR itself."""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from boatyard.job import KEY_LABEL
from boatyard_aws.clients import Clients
from boatyard_aws.registry import EcrRegistry, parse_host
from tests.contract.live import FRESH, live, named
from tests.contract.test_registry import *  # noqa: F403 - the suite's tests, with our fixture below

pytestmark = live("aws")
_IMAGE = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"


class OnEcrItself:
    """Pushes by ECR's own API. Repositories are created, and deleted when the test has ended."""

    def __init__(self, clients: Clients, host: str) -> None:
        parsed = parse_host(host)
        assert parsed, f"{host} is not the host of an ECR registry"
        self.host = host
        self.registry = EcrRegistry(clients)
        self._ecr = clients.ecr(parsed.region)
        self._account = parsed.registry_id
        self._made: list[str] = []

    def push(self, path: str, tag: str, platforms: tuple[str, ...], *keys: str) -> str:
        self._create(path)
        labels = [{KEY_LABEL: key} for key in keys] + [{}] * (len(platforms) - len(keys))
        images = [self._image(path, *each) for each in zip(platforms, labels, strict=True)]
        if len(images) == 1:
            return self._put(path, images[0], tag)
        entries = [
            {
                "mediaType": _IMAGE,
                "digest": self._put(path, image),
                "size": len(json.dumps(image)),
                "platform": dict(zip(("os", "architecture"), platform.split("/"), strict=True)),
            }
            for image, platform in zip(images, platforms, strict=True)
        ]
        return self._put(path, {"schemaVersion": 2, "mediaType": _INDEX, "manifests": entries}, tag)

    def fail(self, code: str) -> None:
        pytest.skip("ECR itself cannot be made to fail")

    def repair(self) -> None:
        pass

    def close(self) -> None:
        for path in self._made:
            self._ecr.delete_repository(registryId=self._account, repositoryName=path, force=True)

    def _create(self, path: str) -> None:
        if path in self._made:
            return
        try:
            self._ecr.create_repository(registryId=self._account, repositoryName=path)
        except self._ecr.exceptions.RepositoryAlreadyExistsException:
            pytest.skip(f"there is a repository {path} in {self.host}; it may be somebody's")
        self._made.append(path)

    def _image(self, path: str, platform: str, labels: dict[str, str]) -> dict[str, Any]:
        os, architecture = platform.split("/")
        config = {"os": os, "architecture": architecture, "config": {"Labels": labels}}
        layer = f"{FRESH} {platform} {labels}".encode()
        return {
            "schemaVersion": 2,
            "mediaType": _IMAGE,
            "config": self._blob(path, json.dumps(config).encode(), _CONFIG),
            "layers": [self._blob(path, layer, "application/vnd.oci.image.layer.v1.tar")],
        }

    def _blob(self, path: str, data: bytes, kind: str) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        where: Any = {"registryId": self._account, "repositoryName": path}
        upload = self._ecr.initiate_layer_upload(**where)["uploadId"]
        part = {"partFirstByte": 0, "partLastByte": len(data) - 1, "layerPartBlob": data}
        self._ecr.upload_layer_part(**where, uploadId=upload, **part)  # type: ignore[arg-type]
        with contextlib.suppress(self._ecr.exceptions.LayerAlreadyExistsException):
            self._ecr.complete_layer_upload(**where, uploadId=upload, layerDigests=[digest])
        return {"mediaType": kind, "digest": digest, "size": len(data)}

    def _put(self, path: str, manifest: dict[str, Any], tag: str = "") -> str:
        asked: Any = {"imageTag": tag} if tag else {}
        text = json.dumps(manifest)
        digest = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
        self._ecr.put_image(
            registryId=self._account,
            repositoryName=path,
            imageManifest=text,
            imageManifestMediaType=manifest["mediaType"],
            imageDigest=digest,
            **asked,
        )
        return digest


@pytest.fixture
def world(clients: Clients) -> Iterator[OnEcrItself]:
    made = OnEcrItself(clients, named("BOATYARD_LIVE_REGISTRY"))
    yield made
    made.close()
