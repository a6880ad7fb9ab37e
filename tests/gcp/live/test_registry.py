"""The contract suite of registries, with Artifact Registry itself."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from boatyard_gcp.faults import NeededRole
from boatyard_gcp.registry import ArtifactRegistry
from boatyard_gcp.registry.host import GarRepository
from boatyard_gcp.registry.keychain import GoogleKeychain
from boatyard_gcp.registry.repositories import GarRepositories
from boatyard_gcp.rest import GoogleCall, GoogleRest
from boatyard_registry.client import RegistryClient
from boatyard_serverless.registries import NewRepositories
from tests.contract.live import FRESH, live, named
from tests.contract.live_images import LiveImages
from tests.contract.test_registry import *  # noqa: F403 - the suite's tests, with our fixture below

pytestmark = live("gcp")
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def repository(rest: GoogleRest, project: str) -> Iterator[GarRepository]:
    """A new one for this run, which is deleted with all its images."""
    made = GarRepository(named("BOATYARD_LIVE_LOCATION"), project, FRESH)
    GarRepositories(rest, NewRepositories(allowed=True, tags="MUTABLE")).make(made)
    yield made
    need = NeededRole(
        permission="artifactregistry.repositories.delete",
        resource=f"repository {made.name}",
        role="roles/artifactregistry.admin",
        grant=f"gcloud projects add-iam-policy-binding {project}",
    )
    rest.send(GoogleCall(api="artifactregistry", method="DELETE", path=f"/v1/{made.name}", need=need))


class OnArtifactRegistryItself:
    """Each test has its own images below the run's repository."""

    def __init__(self, rest: GoogleRest, repository: GarRepository, folder: Path) -> None:
        place = f"{repository.location}-docker.pkg.dev/{repository.project}/{repository.id}"
        self.host = f"{place}/{next(_NUMBERS)}"
        self.registry = ArtifactRegistry(rest)
        client = RegistryClient(keychain=GoogleKeychain(rest.identity), transport=rest.transport)
        self._images = LiveImages(client, folder)

    def push(self, path: str, tag: str, platforms: tuple[str, ...], *keys: str) -> str:
        return self._images.push(f"{self.host}/{path}:{tag}", platforms, *keys)

    def fail(self, code: str) -> None:
        pytest.skip("Artifact Registry itself cannot be made to fail")

    def repair(self) -> None:
        pass


@pytest.fixture
def world(rest: GoogleRest, repository: GarRepository, tmp_path: Path) -> OnArtifactRegistryItself:
    return OnArtifactRegistryItself(rest, repository, tmp_path)
