"""An image is copied to another name: in its repository, in another one, and in another registry."""

from collections.abc import Iterator

import msgspec
import pytest

from boatyard.errors import BoatyardError
from boatyard.reference import Reference
from boatyard_registry import OciRegistry, exchange
from boatyard_registry.client import RegistryCall, RegistryClient
from boatyard_registry.copying import copy
from boatyard_registry.media import sha256_of
from tests.registry.distribution import Distribution

pytestmark = pytest.mark.integration

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


@pytest.fixture(scope="module")
def registries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Distribution, Distribution]]:
    made = [Distribution(tmp_path_factory.mktemp(name)) for name in ("one", "two")]
    yield made[0], made[1]
    for registry in made:
        registry.close()


@pytest.fixture(scope="module")
def client(registries: tuple[Distribution, Distribution]) -> Iterator[RegistryClient]:
    made = RegistryClient(insecure=[registry.address for registry in registries], timeout_seconds=60)
    yield made
    made.close()


def push(client: RegistryClient, reference: Reference) -> str:
    """Pushes an index of one image with a layer of several pieces. Returns its digest."""

    def put_blob(data: bytes) -> dict[str, object]:
        digest = sha256_of(data)
        begun = client.send(
            RegistryCall(method="POST", repository=reference.repository, path="blobs/uploads/", body=b"")
        )
        place = f"{begun.headers['location']}&digest={digest}"
        assert (
            client.send(RegistryCall(method="PUT", repository=reference.repository, path=place, body=data)).status
            == 201
        )
        return {"digest": digest, "size": len(data), "mediaType": "application/octet-stream"}

    def put_manifest(document: dict[str, object], kind: str, name: str) -> dict[str, object]:
        body = msgspec.json.encode({"schemaVersion": 2, "mediaType": kind, **document})
        call = RegistryCall(
            method="PUT",
            repository=reference.repository,
            path=f"manifests/{name or sha256_of(body)}",
            headers={"content-type": kind},
            body=body,
        )
        assert client.send(call).status == 201
        return {"digest": sha256_of(body), "size": len(body), "mediaType": kind}

    config = put_blob(b'{"os": "linux", "architecture": "amd64"}')
    image = put_manifest({"config": config, "layers": [put_blob(b"0123456789" * 10)]}, MANIFEST, "")
    index = put_manifest(
        {"manifests": [{**image, "platform": {"os": "linux", "architecture": "amd64"}}]}, INDEX, reference.tag or ""
    )
    return str(index["digest"])


@pytest.mark.parametrize("where", ["here", "beside", "elsewhere"])
def test_the_digest_stays(
    where: str,
    registries: tuple[Distribution, Distribution],
    client: RegistryClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exchange, "_PIECE", 32)
    source = Reference.parse(f"{registries[0].address}/a/b:key")
    digest = push(client, source)
    host = registries[where == "elsewhere"].address
    target = Reference.parse(f"{host}/{'a/b' if where == 'here' else where + '/c'}:v1")
    for _ in range(2):
        copy(client, source.at(digest), target)
    found = OciRegistry(insecure=[registry.address for registry in registries]).find(target, ("linux/amd64",))
    assert found and found.digest == digest
    blob = "sha256:" + sha256_of(b"0123456789" * 10).partition(":")[2]
    assert (
        client.send(RegistryCall(method="GET", repository=target.repository, path=f"blobs/{blob}")).body
        == b"0123456789" * 10
    )


def test_what_is_not_there_and_what_may_not_be_written(
    registries: tuple[Distribution, Distribution], client: RegistryClient
) -> None:
    source = Reference.parse(f"{registries[0].address}/a/b:key")
    target = Reference.parse(f"{registries[1].address}/x/y:v1")
    with pytest.raises(BoatyardError, match="cannot be read") as refused:
        copy(client, source.at("sha256:" + "0" * 64), target)
    assert refused.value.code == "REGISTRY_UNAVAILABLE"
    digest = push(client, source)
    registries[1].start(guarded=True)
    with pytest.raises(BoatyardError) as refused:
        copy(client, source.at(digest), target)
    assert refused.value.code == "PUSH_DENIED"
