"""In the distribution project's own registry: after a prune and its garbage collection every image is whole."""

from pathlib import Path

import msgspec
import pytest

from boatyard.artifacts import CREATED, tag
from boatyard.reference import Reference, Repository
from boatyard_client.errors import PruneError
from boatyard_client.pruning import prune
from boatyard_registry.blobs import Blobs
from boatyard_registry.client import RegistryCall, RegistryClient
from boatyard_registry.locks import KIND as LOCK
from boatyard_registry.media import Descriptor
from boatyard_registry.referrers import attach
from boatyard_registry.tag_list import tags
from tests.registry.distribution import Distribution

pytestmark = pytest.mark.integration

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
OLD = "2020-01-01T00:00:00Z"
NOW = 1_800_000_000.0


def test_images_are_whole_after_the_registrys_garbage_collection(tmp_path: Path) -> None:
    registry = Distribution(tmp_path)
    registry.start(deletes=True)
    repository = Repository(registry.address, "acme/hello")
    client = RegistryClient(insecure=[registry.address])
    blobs = Blobs(client)

    def put(name: str, *layers: Descriptor, kind: str = "", annotations: dict[str, str] | None = None) -> None:
        config = blobs.put(repository, b'{"os": "linux", "architecture": "amd64"}')
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"digest": config.digest, "size": config.size, "mediaType": "application/json"},
            "layers": [{"digest": layer.digest, "size": layer.size, "mediaType": LAYER} for layer in layers],
            "artifactType": f"application/vnd.boatyard.{kind}.v1+json" if kind else "",
            "annotations": annotations or {},
        }
        body = msgspec.json.encode(document)
        path = f"manifests/{name}"
        answer = client.send(call("PUT", path, body))
        assert answer.status == 201, answer.body

    def call(method: str, path: str, body: bytes) -> RegistryCall:
        headers = {"content-type": MANIFEST}
        return RegistryCall(method=method, repository=repository, path=path, headers=headers, body=body)

    shared, own, alone = (blobs.put(repository, data) for data in (b"shared" * 99, b"own" * 99, b"alone" * 99))
    for kind, digit, layers in (("prefix", "a", (shared, alone)), ("wheels", "b", (shared,)), ("facts", "a", ())):
        annotations = {f"io.boatyard.{kind}": digit * 64, CREATED: OLD}
        put(tag(kind, digit * 64), *layers, kind=kind, annotations=annotations)  # type: ignore[arg-type]
    put("f" * 32, shared, own)

    put("deleted", own)
    deleted = blobs.get_manifest(Reference(repository, "deleted"))
    assert deleted
    attach(client, Reference(repository).at(deleted.digest), LOCK, b"lock")
    registry.start(deletes=False)
    with pytest.raises(PruneError, match="405"):
        prune(client, repository, older_than=1, now=NOW)
    registry.start(deletes=True)
    delete = RegistryCall(method="DELETE", repository=repository, path=f"manifests/{deleted.digest}", body=b"")
    assert client.send(msgspec.structs.replace(delete, actions="pull,delete")).status == 202

    pruned = prune(client, repository, older_than=1, now=NOW)
    assert pruned.locks == (deleted.digest,)
    assert [artifact.kind for artifact in pruned.removed] == ["prefix", "wheels", "facts"]
    registry.collect_garbage()
    registry.start(deletes=True)
    assert tags(client, repository) == ["f" * 32]
    image = blobs.get_manifest(Reference(repository, "f" * 32))
    assert image
    for layer, content in ((shared, b"shared" * 99), (own, b"own" * 99)):
        assert blobs.read(repository, layer, 10_000) == content
    # What only the prefix had is gone: it was not the garbage collection that failed.
    assert not blobs.exists(repository, alone.digest)
    client.close()
    registry.close()
