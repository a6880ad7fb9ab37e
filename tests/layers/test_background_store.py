"""Uploads go on while the next layer is made, and an image exists only when all of them are done."""

from pathlib import Path

import pytest

from boatyard.errors import BoatyardError
from boatyard.reference import Reference, Repository
from boatyard_layers.background_store import BackgroundStore
from boatyard_layers.model import Base, Group, Prefix
from boatyard_layers.store import LayerStore
from boatyard_registry.blobs import Blobs
from boatyard_registry.client import RegistryClient
from tests.layers.stored import BASE_LAYERS, CONFIG, FACTS, KEYS, StoreAt, layer
from tests.registry.server import FakeRegistry, Fault

LAYER = layer(b"packages")
TARGET = "v1"


def prefix(key: str = KEYS[0]) -> Prefix:
    return Prefix(key=key, platform="linux/amd64", layers=(*BASE_LAYERS, LAYER), config=CONFIG)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "layer"
    path.write_bytes(b"packages")
    return path


@pytest.fixture
def store(client: RegistryClient, cache: Repository, base: Base) -> BackgroundStore:
    made = BackgroundStore(Blobs(client, pause_seconds=0), cache, cache)
    made.find_prefix((), base)
    return made


def put(store: LayerStore, path: Path) -> None:
    store.put_layer(LAYER, path)
    path.unlink()
    store.put_prefix(prefix(), FACTS)


def test_the_file_may_go_before_its_upload_begins(
    fake: FakeRegistry, store: BackgroundStore, store_at: StoreAt, path: Path, cache: Repository, base: Base
) -> None:
    with store.open():
        with fake.lock:  # no request is answered
            put(store, path)
            group = Group(key=KEYS[1], layer=LAYER, entries=())
            path.write_bytes(b"packages")
            store.put_group(group, path)
            path.unlink()
            assert store.facts(prefix()) == FACTS
        store.join()
    assert store_at(cache).find_prefix([KEYS[0]], base) == prefix()
    assert store_at(cache).find_group(KEYS[1]) == group


def test_an_image_is_put_when_everything_before_it_is_there(
    fake: FakeRegistry, store: BackgroundStore, path: Path, cache: Repository
) -> None:
    with store.open():
        put(store, path)
        store.put_image(Reference(cache, TARGET), {"linux/amd64": prefix()}, {})
    puts = [seen.path for seen in fake.seen if seen.method == "PUT" and "/manifests/" in seen.path]
    assert puts[-1].endswith(f"/{TARGET}")
    assert f"prefix-{KEYS[0][:32]}" in puts[-2]


def test_an_upload_that_fails_fails_the_image_and_all_that_names_it(
    fake: FakeRegistry, store: BackgroundStore, path: Path, cache: Repository
) -> None:
    fake.faults.append(Fault(status=403, method="POST", path="blobs/uploads/", times=99))
    with store.open():
        put(store, path)
        with pytest.raises(BoatyardError) as raised:
            store.put_image(Reference(cache, TARGET), {"linux/amd64": prefix()}, {})
    assert raised.value.code == "PUSH_DENIED"
    assert not [name for repository, name in fake.manifests if repository == cache.path]


def test_after_a_failure_no_further_layer_is_taken(fake: FakeRegistry, store: BackgroundStore, path: Path) -> None:
    fake.faults.append(Fault(status=403, method="POST", path="blobs/uploads/", times=99))
    with store.open():
        store.put_layer(LAYER, path)
        with pytest.raises(BoatyardError):
            store.join()
        with pytest.raises(BoatyardError):
            store.put_layer(LAYER, path)


def test_round_trips_are_few(
    fake: FakeRegistry, store: BackgroundStore, store_at: StoreAt, path: Path, cache: Repository, base: Base
) -> None:
    """At most, so that none is added by accident: each one costs a remote registry's answer."""
    with store.open():
        put(store, path)
        store.put_image(Reference(cache, TARGET), {"linux/amd64": prefix()}, {})
    layers = len(BASE_LAYERS)
    made = 2 * layers + 3 + (2 + 2 + 1) + (2 + 1) + (2 + 1)
    """A base layer's HEAD and mount; the layer; its facts with the empty configuration; the prefix; the image."""
    assert len(fake.seen) <= made
    fake.seen.clear()
    again = store_at(cache)
    found = again.find_prefix([*KEYS[1:], KEYS[0]], base)
    assert found
    again.put_image(Reference(cache, TARGET), {"linux/amd64": found}, {})
    assert len(fake.seen) <= 3 + (1 + layers + 1) + 2 + 3
    """Three keys; the configuration, all layers, the facts' manifest and document; the image."""
