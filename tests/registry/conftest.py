from collections.abc import Callable, Iterator

import pytest

from boatyard.reference import Reference
from boatyard_registry import Credentials, OciRegistry
from boatyard_registry.retries import Retries
from tests.registry.server import PASSWORD, USER, FakeRegistry, running

Lookup = Callable[..., OciRegistry]


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    with running() as registry:
        yield registry


@pytest.fixture
def lookup(fake: FakeRegistry) -> Iterator[Lookup]:
    """Makes a lookup that uses plain http with the fake registry and retries immediately."""
    made: list[OciRegistry] = []

    def make(**options: object) -> OciRegistry:
        settings = {"insecure": [fake.address], "retries": Retries(first_pause_seconds=0.001)} | options
        made.append(OciRegistry(**settings))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for registry in made:
        registry.close()


@pytest.fixture
def image(fake: FakeRegistry) -> Reference:
    return Reference.parse(f"{fake.address}/acme/image:tag")


class Passwords:
    """A keychain that records the hosts that it was asked for."""

    def __init__(self, **by_host: Credentials) -> None:
        self.by_host = by_host
        self.asked: list[str] = []

    def resolve(self, host: str, *, seconds: float = 10) -> Credentials | None:
        self.asked.append(host)
        return self.by_host.get(host)


@pytest.fixture
def login(fake: FakeRegistry) -> Passwords:
    return Passwords(**{fake.address: Credentials(username=USER, password=PASSWORD)})
