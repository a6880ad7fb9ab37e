"""The lock of a pushed image is recorded, and a registry that takes none does not fail the build."""

from collections.abc import Iterator

import pytest

from boatyard.reference import Reference
from boatyard_layers.locking import python_of, with_layer
from boatyard_layers.recording import lock_to_record, record
from boatyard_registry.client import RegistryClient
from boatyard_registry.locks import read_lock
from tests.layers.test_locking import VENV, files
from tests.registry.server import FakeRegistry, running

LAYERS = {"linux/amd64": with_layer((), 0, VENV, (), files("idna-3.7"))}


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with running() as made:
        yield made


@pytest.fixture
def image(registry: FakeRegistry) -> Reference:
    return Reference.parse(f"{registry.address}/acme/image@{registry.add_image('acme/image', 'one')}")


@pytest.fixture
def client(registry: FakeRegistry) -> Iterator[RegistryClient]:
    made = RegistryClient(insecure=[registry.address])
    yield made
    made.close()


def test_a_lock_is_recorded(client: RegistryClient, image: Reference) -> None:
    notes: list[str] = []
    record(client, image, lock_to_record(python_of(VENV, files("idna-3.7")), LAYERS, notes.append), notes.append)
    found = read_lock(client, image)
    assert found and found.python == "3.12" and "idna" in found.platforms[0].installed and not notes


def test_an_image_without_packages_has_no_lock(client: RegistryClient, image: Reference) -> None:
    record(client, image, lock_to_record(python_of(VENV, ()), {"linux/amd64": ()}, pytest.fail), pytest.fail)
    assert read_lock(client, image) is None


def test_a_refusal_is_noted(client: RegistryClient, image: Reference, registry: FakeRegistry) -> None:
    notes: list[str] = []
    registry.read_only = True
    record(client, image, lock_to_record("3.12", LAYERS, notes.append), notes.append)
    assert len(notes) == 1 and "refuses the push" in notes[0]
