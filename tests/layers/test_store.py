"""What one machine has stored, another one finds; what is not whole or not ours is not there."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from boatyard.errors import BoatyardError
from boatyard.reference import Reference, Repository
from boatyard_client.pruning import prune
from boatyard_layers.model import Base, Group, PathEntry
from boatyard_registry.client import RegistryClient
from tests.layers.conftest import NOW
from tests.layers.stored import BASE_LAYERS, CONFIG, DISTRIBUTIONS, FACTS, KEYS, StoreAt, edited, layer, put
from tests.registry.server import OCI_INDEX, OCI_MANIFEST, FakeRegistry, Fault, digest_of


def test_another_machine_finds_the_longest_prefix(
    store_at: StoreAt, cache: Repository, base: Base, tmp_path: Path
) -> None:
    put(store_at(cache), base, tmp_path, 1)
    longer = put(store_at(cache), base, tmp_path, 2)
    store = store_at(cache)
    assert store.find_prefix(KEYS, base) == longer
    assert store.facts(longer) == msgspec.structs.replace(FACTS, distributions=DISTRIBUTIONS)
    assert store_at(cache).find_prefix(KEYS[:1], base) is not None
    assert store_at(cache).find_prefix(KEYS[2:], base) is None


def test_force_finds_nothing(store_at: StoreAt, cache: Repository, base: Base, tmp_path: Path) -> None:
    put(store_at(cache), base, tmp_path)
    store = store_at(cache, force=True)
    assert store.find_prefix(KEYS, base) is None
    store.put_facts(KEYS[0], ["x"], FACTS)
    assert store.find_facts(KEYS[0], ["x"]) is None


def test_equal_input_gives_equal_artifacts(
    fake: FakeRegistry, store_at: StoreAt, cache: Repository, base: Base, tmp_path: Path
) -> None:
    put(store_at(cache), base, tmp_path)
    before = dict(fake.manifests)
    put(store_at(cache), base, tmp_path)
    assert fake.manifests == before


def test_a_prefix_is_an_image_that_a_build_can_start_from(
    fake: FakeRegistry, store_at: StoreAt, cache: Repository, base: Base, tmp_path: Path
) -> None:
    prefix = put(store_at(cache), base, tmp_path)
    media_type, body = fake.manifests["acme/images", f"prefix-{KEYS[0][:32]}"]
    document = json.loads(body)
    config = json.loads(fake.blobs[document["config"]["digest"]])
    assert (media_type, document["mediaType"], document["schemaVersion"]) == (OCI_MANIFEST, OCI_MANIFEST, 2)
    assert [each["digest"] for each in document["layers"]] == [each.digest for each in prefix.layers]
    assert config["rootfs"] == {"type": "layers", "diff_ids": [each.diff_id for each in prefix.layers]}
    assert config["config"] == CONFIG["config"]


@pytest.mark.parametrize("answered", range(1, 7))
def test_a_writer_that_is_killed_leaves_no_half_prefix(
    answered: int, fake: FakeRegistry, store_at: StoreAt, cache: Repository, base: Base, tmp_path: Path
) -> None:
    """The registry refuses everything after a number of writes; then the whole prefix is there, or none is."""
    writes = 0

    def counted(write: Callable[..., str]) -> Callable[..., str]:
        def counting(*arguments: Any) -> str:
            nonlocal writes
            writes += 1
            if writes == answered:
                fake.faults = [Fault(method="PUT", status=403, times=100)]
            return write(*arguments)

        return counting

    fake.add_blob, fake.add_manifest = counted(fake.add_blob), counted(fake.add_manifest)  # type: ignore[method-assign]
    # The layer; then the facts, the empty configuration and the facts' manifest, beside them the configuration;
    # then the prefix. A manifest that is refused alone costs the next build its prefix, and fails no build. From the
    # second write on, that may be all that is refused: the other blobs may be on their way already.
    either = contextlib.suppress(BoatyardError) if answered <= 4 else contextlib.nullcontext()
    with pytest.raises(BoatyardError) if answered == 1 else either:
        put(store_at(cache), base, tmp_path)
    fake.faults = []
    assert (store_at(cache).find_prefix(KEYS, base) is not None) == (answered == 6)


def test_a_group_is_found_whole_or_not_at_all(
    fake: FakeRegistry, store_at: StoreAt, cache: Repository, tmp_path: Path
) -> None:
    (tmp_path / "layer").write_bytes(b"wheels")
    group = Group(
        key=KEYS[2],
        layer=layer(b"wheels"),
        entries=(PathEntry(path="/opt/venv/x", size=3),),
        files={"/opt/venv/x-1.dist-info/RECORD": b"x"},
    )
    store_at(cache).put_group(group, tmp_path / "layer")
    assert store_at(cache).find_group(KEYS[2]) == group
    assert store_at(cache).find_group(KEYS[1]) is None
    assert store_at(cache, force=True).find_group(KEYS[2]) is None
    tag = f"wheels-{KEYS[2][:32]}"
    kept = fake.manifests["acme/images", tag]
    edited(fake, tag, lambda d: d["layers"][0].update(digest=digest_of(b"base 1")))
    assert store_at(cache).find_group(KEYS[2]) is None
    fake.manifests["acme/images", tag] = kept
    del fake.blobs[group.layer.digest]
    assert store_at(cache).find_group(KEYS[2]) is None


def test_an_image_of_one_platform_has_labels_and_no_index(
    fake: FakeRegistry, store_at: StoreAt, cache: Repository, base: Base, tmp_path: Path
) -> None:
    store = store_at(cache)
    prefix = put(store, base, tmp_path)
    target = Reference(cache, "v1")
    digest = store.put_image(target, {"linux/amd64": prefix}, {"io.boatyard.key": "k"})
    media_type, body = fake.manifests["acme/images", "v1"]
    config = json.loads(fake.blobs[json.loads(body)["config"]["digest"]])
    assert (digest, media_type) == (digest_of(body), OCI_MANIFEST)
    assert config["config"]["Labels"] == {"base": "1", "io.boatyard.key": "k"}
    assert store_at(cache).find_prefix(KEYS, base) == prefix


def test_several_platforms_are_an_index_in_another_registry(
    fake: FakeRegistry, other: FakeRegistry, store_at: StoreAt, cache: Repository, base: Base, tmp_path: Path
) -> None:
    target = Reference(Repository.parse(f"{other.address}/team/app"), "v1")
    store = store_at(cache, target.repository)
    amd = put(store, base, tmp_path)
    arm = msgspec.structs.replace(amd, platform="linux/arm64/v8", config={**CONFIG, "architecture": "arm64"})
    digest = store.put_image(target, {"linux/amd64": amd, "linux/arm64/v8": arm}, {})
    media_type, body = other.manifests["team/app", "v1"]
    assert (digest, media_type) == (digest_of(body), OCI_INDEX)
    entries = json.loads(body)["manifests"]
    assert [entry["platform"]["architecture"] for entry in entries] == ["amd64", "arm64"]
    for entry in entries:
        document = json.loads(other.manifests["team/app", entry["digest"]][1])
        for blob in (document["config"], *document["layers"]):
            assert len(other.blobs[blob["digest"]]) == blob["size"]


def test_layers_of_a_base_in_another_registry_are_copied_once(
    fake: FakeRegistry, other: FakeRegistry, store_at: StoreAt, base: Base, tmp_path: Path
) -> None:
    cache = Repository.parse(f"{other.address}/acme/images")
    put(store_at(cache), base, tmp_path)
    assert other.blobs[BASE_LAYERS[0].digest] == b"base 1"
    asked = len(fake.seen)
    assert store_at(cache).find_prefix(KEYS, base)
    put(store_at(cache), base, tmp_path)
    assert len(fake.seen) == asked


def test_a_tag_that_cannot_move_fails_no_build(
    fake: FakeRegistry, store_at: StoreAt, cache: Repository, base: Base, tmp_path: Path, notes: list[str]
) -> None:
    fake.immutable = True
    fake.add_manifest("acme/images", f"prefix-{KEYS[0][:32]}", {"x": 1}, OCI_MANIFEST)
    put(store_at(cache), base, tmp_path)
    assert "lets none take its place" in notes[-1]
    assert store_at(cache).find_prefix(KEYS, base) is None


def test_a_registry_that_does_not_answer_finds_nothing(
    fake: FakeRegistry, store_at: StoreAt, cache: Repository, base: Base, tmp_path: Path, notes: list[str]
) -> None:
    put(store_at(cache), base, tmp_path)
    fake.faults = [Fault(status=503, times=100)]
    assert store_at(cache).find_prefix(KEYS, base) is None
    assert "cannot be read" in notes[0]


def test_what_is_stored_gets_old_and_is_pruned(
    client: RegistryClient, fake: FakeRegistry, store_at: StoreAt, cache: Repository, base: Base, tmp_path: Path
) -> None:
    store = store_at(cache)
    prefix = put(store, base, tmp_path)
    group = Group(key=KEYS[2], layer=layer(b"wheels"), entries=())
    (tmp_path / "wheels").write_bytes(b"wheels")
    store.put_group(group, tmp_path / "wheels")
    store.put_python(KEYS[1], b"python")
    store.put_image(Reference(cache, "v1"), {"linux/amd64": prefix}, {})
    kept = prune(client, cache, older_than=3600, now=NOW + 3599)
    assert (kept.removed, kept.young, kept.foreign) == ((), 4, 0)
    gone = prune(client, cache, older_than=3600, now=NOW + 3601)
    assert sorted(each.tag for each in gone.removed) == sorted(
        (f"facts-{KEYS[0][:32]}", f"facts-{KEYS[1][:32]}", f"prefix-{KEYS[0][:32]}", f"wheels-{KEYS[2][:32]}")
    )
    assert store_at(cache).find_prefix(KEYS, base) is None
    assert ("acme/images", "v1") in fake.manifests


def test_a_forced_build_leaves_nothing_without_a_tag(
    fake: FakeRegistry, store_at: StoreAt, cache: Repository, base: Base, tmp_path: Path
) -> None:
    put(store_at(cache), base, tmp_path)
    before = dict(fake.manifests)
    put(store_at(cache, force=True, now=NOW + 3600), base, tmp_path)
    assert fake.manifests == before
    facts = msgspec.structs.replace(FACTS, lock=())
    store = store_at(cache, force=True, now=NOW + 3600)
    store.put_prefix(put(store, base, tmp_path), facts)
    found = store_at(cache)
    prefix = found.find_prefix(KEYS, base)
    assert prefix
    assert found.facts(prefix).lock == ()
