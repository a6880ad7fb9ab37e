"""What one machine has stored, another one finds; what is not whole or not ours is not there."""

import contextlib
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from boatyard.errors import BoatyardError
from boatyard.lock import LockedLayer
from boatyard.reference import Reference, Repository
from boatyard_client.pruning import prune
from boatyard_layers import artifacts, zstd
from boatyard_layers.inventory import Inventory
from boatyard_layers.model import Base, Distribution, Facts, Group, LayerBlob, PathEntry, Prefix
from boatyard_layers.store import LayerStore
from boatyard_registry.client import RegistryClient
from tests.layers.conftest import NOW
from tests.registry.server import OCI_INDEX, OCI_MANIFEST, FakeRegistry, Fault, digest_of

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


@pytest.fixture
def cache(fake: FakeRegistry) -> Repository:
    return Repository.parse(f"{fake.address}/acme/images")


@pytest.fixture
def base(fake: FakeRegistry) -> Base:
    for data in (b"base 1", b"base 2"):
        fake.add_blob(data)
    return Base(
        repository=f"{fake.address}/acme/base",
        digest=digest_of(b"base"),
        platform="linux/amd64",
        layers=BASE_LAYERS,
        config=CONFIG,
        facts=FACTS,
    )


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


PREFIX = f"prefix-{KEYS[1][:32]}"


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (lambda d: d["annotations"].update({"io.boatyard.prefix": KEYS[1][:32] + "0" * 32}), "another key"),
        (lambda d: d["annotations"].clear(), "another key"),
        (lambda d: d["layers"].reverse(), "other layers than the base"),
        (lambda d: d["layers"].pop(), "differ"),
        (lambda d: d["layers"].extend(d["layers"] * 300), "layers"),
        (lambda d: d["layers"][0].update(digest="sha256:../../x"), "other layers than the base"),
        (lambda d: d["layers"][2].update(digest="../x"), "lost its layer"),
        (lambda d: d["layers"][2].update(digest=digest_of(b"lost")), "lost its layer"),
        (lambda d: d["layers"][2].update(mediaType="application/x-other"), "another kind"),
        (lambda d: d["config"].update(digest=digest_of(b"lost")), "lost"),
        (lambda d: d["config"].update(size=10**12), "blob of"),
        (lambda d: d["annotations"].update({"io.boatyard.facts": ""}), "facts cannot be read"),
        (lambda d: d["annotations"].update({"io.boatyard.facts": digest_of(b"lost")}), "lost its facts"),
        (lambda d: d.pop("config"), "cannot be read"),
        (lambda d: d.update(layers="x"), "cannot be read"),
    ],
)
def test_a_forged_prefix_is_not_used_and_a_shorter_one_is(
    edit: Callable[[dict[str, Any]], object],
    why: str,
    fake: FakeRegistry,
    store_at: StoreAt,
    cache: Repository,
    base: Base,
    tmp_path: Path,
    notes: list[str],
) -> None:
    shorter = put(store_at(cache), base, tmp_path, 1)
    put(store_at(cache), base, tmp_path, 2)
    edited(fake, PREFIX, edit)
    assert store_at(cache).find_prefix(KEYS, base) == shorter
    assert why in "".join(notes)


def test_facts_of_another_prefix_are_not_used(
    fake: FakeRegistry, store_at: StoreAt, cache: Repository, base: Base, tmp_path: Path, notes: list[str]
) -> None:
    put(store_at(cache), base, tmp_path, 1)
    put(store_at(cache), base, tmp_path, 2)
    theirs = digest_of(fake.manifests["acme/images", f"facts-{KEYS[0][:32]}"][1])
    edited(fake, PREFIX, lambda d: d["annotations"].update({"io.boatyard.facts": theirs}))
    assert store_at(cache).find_prefix(KEYS[1:], base) is None
    assert "of other layers" in "".join(notes)


@pytest.mark.parametrize(
    "facts",
    [
        msgspec.structs.replace(FACTS, inventory=b"no inventory"),
        msgspec.structs.replace(FACTS, inventory=zstd.compress(b'[{"path":"/a/b"}]', 3)),
        msgspec.structs.replace(FACTS, files={"/opt/venv/lib/x.dist-info/../../../../../../root/.profile": b"x"}),
        msgspec.structs.replace(FACTS, files={"root/.profile": b"x"}),
    ],
)
def test_forged_facts_of_true_layers_are_not_used(
    facts: Facts, store_at: StoreAt, cache: Repository, base: Base, tmp_path: Path, notes: list[str]
) -> None:
    """Their files would be written on the machine of the job."""
    prefix = put(store_at(cache), base, tmp_path)
    store_at(cache).put_prefix(prefix, facts)
    assert store_at(cache).find_prefix(KEYS[:1], base) is None
    assert notes


def test_a_forged_group_has_no_paths_outside_of_images(
    store_at: StoreAt, cache: Repository, tmp_path: Path, notes: list[str]
) -> None:
    (tmp_path / "layer").write_bytes(b"wheels")
    for path in ("/opt/venv/../../etc/x", "opt/venv/x", "/opt/venv/x\0"):
        group = Group(key=KEYS[2], layer=layer(b"wheels"), entries=(PathEntry(path=path, size=3),))
        store_at(cache).put_group(group, tmp_path / "layer")
        assert store_at(cache).find_group(KEYS[2]) is None
        store_at(cache).put_group(msgspec.structs.replace(group, entries=(), files={path: b""}), tmp_path / "layer")
        assert store_at(cache).find_group(KEYS[2]) is None
    assert len(notes) == 6


def test_a_prefix_on_another_base_or_platform_is_not_used(
    store_at: StoreAt, cache: Repository, base: Base, tmp_path: Path
) -> None:
    put(store_at(cache), base, tmp_path)
    moved = msgspec.structs.replace(base, layers=(BASE_LAYERS[0], layer(b"base 3")))
    same_bytes = msgspec.structs.replace(
        base, layers=(BASE_LAYERS[0], msgspec.structs.replace(BASE_LAYERS[1], diff_id=digest_of(b"other")))
    )
    arm = msgspec.structs.replace(base, platform="linux/arm64")
    for another in (moved, same_bytes, arm):
        assert store_at(cache).find_prefix(KEYS, another) is None


@pytest.mark.parametrize("lost", [b"base 1", b"layer 0"])
def test_a_prefix_whose_layer_is_lost_is_not_used(
    lost: bytes, fake: FakeRegistry, store_at: StoreAt, cache: Repository, base: Base, tmp_path: Path
) -> None:
    put(store_at(cache), base, tmp_path)
    del fake.blobs[digest_of(lost)]
    assert store_at(cache).find_prefix(KEYS, base) is None


def test_a_document_of_any_size_is_refused(
    fake: FakeRegistry,
    store_at: StoreAt,
    cache: Repository,
    base: Base,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    notes: list[str],
) -> None:
    monkeypatch.setattr(artifacts, "LARGEST_JSON", 1_000_000)
    put(store_at(cache), base, tmp_path)
    bomb = zstd.compress(b"[" * 50_000_000, 3)
    fake.add_blob(bomb)

    def swap(document: dict[str, Any]) -> None:
        document["layers"][0].update(digest=digest_of(bomb), size=len(bomb))

    facts = f"facts-{KEYS[0][:32]}"
    edited(fake, facts, swap)
    theirs = digest_of(fake.manifests["acme/images", facts][1])
    edited(fake, f"prefix-{KEYS[0][:32]}", lambda d: d["annotations"].update({"io.boatyard.facts": theirs}))
    assert store_at(cache).find_prefix(KEYS, base) is None
    assert "too large" in "".join(notes)


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
