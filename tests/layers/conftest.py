import uuid
from collections.abc import Callable, Iterator

import pytest

from boatyard.reference import Reference, Repository
from boatyard_layers.model import Base
from boatyard_layers.store import LayerStore
from boatyard_registry.blobs import Blobs
from boatyard_registry.client import RegistryClient
from boatyard_registry.retries import Retries
from tests.buildkit.conftest import engine
from tests.buildkit.engine import Engine
from tests.layers.real_base import RealBase
from tests.layers.stored import BASE_LAYERS, CONFIG, FACTS
from tests.registry.server import FakeRegistry, digest_of, running

__all__ = ["engine"]

NOW = 1_800_000_000.0
"""Of every store."""


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    with running() as registry:
        yield registry


@pytest.fixture
def other() -> Iterator[FakeRegistry]:
    with running() as registry:
        yield registry


@pytest.fixture
def client(fake: FakeRegistry, other: FakeRegistry) -> Iterator[RegistryClient]:
    made = RegistryClient(insecure=[fake.address, other.address], retries=Retries(first_pause_seconds=0.001))
    yield made
    made.close()


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
def store_at(client: RegistryClient, notes: list[str]) -> Callable[..., LayerStore]:
    """Makes a store as another machine would have it: it has read nothing yet."""

    def make(
        cache: Repository, target: Repository | None = None, *, force: bool = False, now: float = NOW
    ) -> LayerStore:
        return LayerStore(
            Blobs(client, pause_seconds=0),
            cache,
            target or cache,
            force=force,
            note=notes.append,
            now=lambda: now,
        )

    return make


@pytest.fixture(scope="session")
def real_base(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> RealBase:
    image = next(rule.image for rule in engine.settings.base_images if "flyteorg/flyte" in rule.match)
    own = Repository.parse(f"{engine.host}/layers-{uuid.uuid4().hex[:12]}")
    folder = tmp_path_factory.mktemp("real-base")
    return RealBase(engine.registry.client, Reference.parse(image), engine.settings.platforms[0], own, folder)


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
