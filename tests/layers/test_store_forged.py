"""What others who may push, or lose, have done to what is stored is not used."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from boatyard.reference import Repository
from boatyard_layers import artifacts, zstd
from boatyard_layers.model import Base, Facts, Group, PathEntry
from tests.layers.stored import BASE_LAYERS, FACTS, KEYS, StoreAt, edited, layer, put
from tests.registry.server import FakeRegistry, digest_of

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
