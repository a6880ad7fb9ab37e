"""`boatyard prune` removes old prefixes, wheels and facts, and no image and nothing that an image needs."""

import datetime
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from boatyard.reference import Reference, Repository
from boatyard_registry.client import RegistryClient
from boatyard_registry.locks import KIND
from boatyard_registry.media import sha256_of
from boatyard_registry.referrers import attach
from tests.client.commands import Done, boatyard
from tests.registry.server import OCI_INDEX, OCI_MANIFEST, FakeRegistry, Fault, running

REPOSITORY = "acme/hello"
OLD, YOUNG = "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with running() as fake:
        yield fake


@pytest.fixture(autouse=True)
def settings(registry: FakeRegistry, folder: Path) -> None:
    (folder / "boatyard.toml").write_text(f'insecureRegistries = ["{registry.address}"]\n')


def put(registry: FakeRegistry, kind: str, digit: str, created: str = OLD, **more: str) -> str:
    """An artifact. `more` replaces annotations. Returns its tag."""
    own = {} if kind == "facts" else {f"io.boatyard.{kind}": digit * 64}
    annotations = own | {"org.opencontainers.image.created": created} | more
    data = f"{kind} {digit}".encode()
    blob = {"digest": registry.add_blob(data), "size": len(data), "mediaType": "x"}
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": blob, "layers": [blob]}
    tag = f"{kind}-{digit * 32}"
    document |= {"annotations": annotations, "artifactType": f"application/vnd.boatyard.{kind}.v1+json"}
    registry.add_manifest(REPOSITORY, tag, document, OCI_MANIFEST)
    return tag


def prune(registry: FakeRegistry, *options: str) -> Done:
    return boatyard("prune", f"{registry.address}/{REPOSITORY}", *options)


def there(registry: FakeRegistry) -> set[str]:
    return {name for _, name in registry.manifests if ":" not in name}


@pytest.mark.parametrize("deletes_tags", [False, True], ids=["distribution", "google"])
def test_old_artifacts_go_and_young_ones_and_images_stay(registry: FakeRegistry, deletes_tags: bool) -> None:
    registry.deletes_tags = deletes_tags
    registry.tags_a_page = 2
    old = {put(registry, kind, digit) for kind in ("prefix", "wheels", "facts") for digit in "ab"}
    young = {put(registry, kind, "c", YOUNG) for kind in ("prefix", "wheels")}
    kept_with_its_prefix = put(registry, "facts", "c")
    registry.add_image(REPOSITORY, "f" * 32)
    registry.add_image(REPOSITORY, "prefix-app-" + "f" * 32)
    images = {"f" * 32, "prefix-app-" + "f" * 32}

    dry = prune(registry, "--dry-run", "--json").json()
    assert {artifact["tag"] for artifact in dry["removed"]} == old and dry["dryRun"]
    assert there(registry) == old | young | {kept_with_its_prefix} | images

    answer = prune(registry, "--json").json()
    assert {artifact["tag"] for artifact in answer["removed"]} == old
    assert (answer["young"], answer["needed"], answer["foreign"]) == (3, 0, 0)
    assert there(registry) == young | {kept_with_its_prefix} | images
    assert prune(registry, "--json").json()["removed"] == []


def test_what_an_image_needs_stays(registry: FakeRegistry) -> None:
    """An index may name the very manifest of a prefix: its image would not start without it."""
    tag = put(registry, "prefix", "a")
    digest = next(
        name
        for (_, name), value in registry.manifests.items()
        if value == registry.manifests[REPOSITORY, tag] and ":" in name
    )
    inner = {"schemaVersion": 2, "manifests": [{"digest": digest, "size": 1, "mediaType": OCI_MANIFEST}]}
    inner_digest = registry.add_manifest(REPOSITORY, "inner", inner, OCI_INDEX)
    del registry.manifests[REPOSITORY, "inner"]
    outer = {"schemaVersion": 2, "manifests": [{"digest": inner_digest, "size": 1, "mediaType": OCI_INDEX}]}
    registry.add_manifest(REPOSITORY, "v1", outer, OCI_INDEX)
    done = prune(registry)
    assert done.code == 0 and "0 removed" in done.out and "another tag needs" in done.err
    assert tag in there(registry)


def deleted(registry: FakeRegistry, name: str, *attached: tuple[str, bytes]) -> Reference:
    """An image with documents, which was deleted; the registry knows no referrers API."""
    registry.add_image(REPOSITORY, name, labels={"name": name})
    image = Reference(Repository(registry.address, REPOSITORY)).at(sha256_of(registry.manifests[REPOSITORY, name][1]))
    client = RegistryClient(insecure=[registry.address])
    for kind, document in attached:
        attach(client, image, kind, document)
    client.close()
    for tag in (name, str(image.digest)):
        del registry.manifests[REPOSITORY, tag]
    return image


def test_locks_of_deleted_images_go_and_those_of_images_stay(registry: FakeRegistry) -> None:
    gone = deleted(registry, "gone", (KIND, b"one"), (KIND, b"two"))
    kept = deleted(registry, "kept", (KIND, b"lock"))
    registry.add_image(REPOSITORY, "kept", labels={"name": "kept"})
    before = set(registry.manifests)
    assert prune(registry, "--dry-run", "--json").json()["locks"] == [gone.digest]
    assert set(registry.manifests) == before
    assert "the locks of 1 deleted images removed" in prune(registry).out
    left = before - set(registry.manifests)
    assert len(left) == 4, "two locks, and their list by its tag and its digest"
    assert f"sha256-{str(kept.digest)[7:]}" in there(registry) and prune(registry, "--json").json()["locks"] == []


def test_a_list_with_anything_but_locks_stays(registry: FakeRegistry) -> None:
    """A signature is somebody else's, and an image may be listed as a lock by whoever may push."""
    deleted(registry, "signed", (KIND, b"lock"), ("application/vnd.dev.sigstore", b"signature"))
    image = deleted(registry, "poor")
    registry.add_image(REPOSITORY, "v1")
    entry = {"digest": sha256_of(registry.manifests[REPOSITORY, "v1"][1]), "size": 1, "artifactType": KIND}
    document = {"schemaVersion": 2, "manifests": [{"mediaType": OCI_MANIFEST, **entry}]}
    registry.add_manifest(REPOSITORY, f"sha256-{str(image.digest)[7:]}", document, OCI_INDEX)
    before = set(registry.manifests)
    assert prune(registry, "--json").json()["locks"] == []
    assert set(registry.manifests) == before


def test_tags_that_only_look_like_artifacts_stay(registry: FakeRegistry) -> None:
    registry.add_image(REPOSITORY, "prefix-" + "1" * 32)
    put(registry, "wheels", "2", **{"io.boatyard.wheels": "3" * 64})
    put(registry, "facts", "4", created="yesterday")
    before = there(registry)
    answer = prune(registry, "--older-than", "0h", "--json").json()
    assert answer["removed"] == [] and answer["foreign"] == 3
    assert there(registry) == before


def test_the_age_is_of_the_push(registry: FakeRegistry) -> None:
    day_old = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=25)).isoformat()
    put(registry, "prefix", "a", created=day_old)
    assert prune(registry, "--older-than", "2d", "--json").json()["young"] == 1
    assert len(prune(registry, "--older-than", "1d", "--json").json()["removed"]) == 1


@pytest.mark.parametrize(("status", "advice"), [(405, "lifecycle rules"), (403, "docker login"), (401, "docker login")])
def test_a_registry_that_refuses_deletions(registry: FakeRegistry, status: int, advice: str) -> None:
    tag = put(registry, "prefix", "a")
    registry.faults.append(Fault(method="DELETE", status=status, times=99))
    done = prune(registry)
    assert done.code == 1 and str(status) in done.err and advice in done.err and "0 of 1" in done.err
    assert tag in there(registry)
    assert prune(registry, "--json").json()["error"]["code"] == "PRUNE"


def test_nothing_is_removed_if_an_image_cannot_be_read(registry: FakeRegistry) -> None:
    tag = put(registry, "prefix", "a")
    registry.add_image(REPOSITORY, "v1")
    registry.faults.append(Fault(method="GET", path="manifests/v1", status=403, times=99))
    done = prune(registry)
    assert done.code == 1 and "REGISTRY_DENIED" in done.err
    assert tag in there(registry)


@pytest.mark.parametrize(
    "hostile",
    [b"[]", b"not json", json.dumps({"tags": ["../../x", "ok"]}).encode()],
)
def test_a_hostile_list_of_tags_reaches_no_path(registry: FakeRegistry, hostile: bytes) -> None:
    registry.faults.append(Fault(path="tags/list", status=200, body=hostile, times=1))
    done = prune(registry)
    assert done.code == (0 if b"tags" in hostile else 1)
    assert not any(".." in path for path in registry.paths())


def test_a_list_of_tags_without_an_end(registry: FakeRegistry) -> None:
    link = {"link": f'</v2/{REPOSITORY}/tags/list?n=1>; rel="next"'}
    registry.faults.append(Fault(path="tags/list", status=200, body=b'{"tags": ["v1"]}', headers=link, times=99))
    done = prune(registry)
    assert done.code == 1 and "does not end" in done.err


def test_the_command_line(registry: FakeRegistry, folder: Path) -> None:
    assert "is not an age" in prune(registry, "--older-than", "soon").err
    assert "boatyard prune ghcr.io" in boatyard("prune").err
    assert "has no repository" in prune(registry).err
    put(registry, "prefix", "a")
    with (folder / "boatyard.toml").open("a") as file:
        file.write(f'[cache]\nrepository = "{registry.address}/{REPOSITORY}"\n')
    done = boatyard("prune")
    assert done.code == 0 and "1 removed, 0 are younger" in done.out
