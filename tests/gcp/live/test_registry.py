"""The contract suite of registries, with Artifact Registry itself."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urljoin

import pytest

from boatyard.job import KEY_LABEL
from boatyard.reference import Reference, Repository
from boatyard_gcp.faults import NeededRole
from boatyard_gcp.registry import ArtifactRegistry
from boatyard_gcp.registry.host import GarRepository
from boatyard_gcp.registry.keychain import GoogleKeychain
from boatyard_gcp.registry.repositories import GarRepositories
from boatyard_gcp.rest import GoogleCall, GoogleRest
from boatyard_registry.client import RegistryCall, RegistryClient
from boatyard_registry.transport import Answer
from boatyard_serverless.registries import NewRepositories
from tests.contract.live import FRESH, live, named
from tests.contract.test_registry import *  # noqa: F403 - the suite's tests, with our fixture below
from tests.registry.layouts import Layout

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
        self._client = RegistryClient(keychain=GoogleKeychain(rest.identity), transport=rest.transport)
        self._folder = folder
        self._pushed = 0

    def push(self, path: str, tag: str, platforms: tuple[str, ...], *keys: str) -> str:
        self._pushed += 1
        layout = Layout(self._folder / f"layout-{self._pushed}")
        labels = [{KEY_LABEL: key} for key in keys] + [{}] * (len(platforms) - len(keys))
        images = [
            layout.image(platform.encode(), platform=platform, labels=each)
            for platform, each in zip(platforms, labels, strict=True)
        ]
        top = images[0] if len(images) == 1 else layout.index(*images)
        repository = Reference.parse(f"{self.host}/{path}:{tag}").repository
        for digest, data in layout.blobs().items():
            begun = self._send("POST", repository, "blobs/uploads/", b"")
            place = urljoin(begun.url, begun.headers["location"])
            joint = "&" if "?" in place else "?"
            self._send("PUT", repository, f"{place}{joint}{urlencode({'digest': digest})}", data)
        for digest, data in layout.manifests(top).items():
            name = tag if digest == top["digest"] else digest
            self._send("PUT", repository, f"manifests/{name}", data, kind=json.loads(data)["mediaType"])
        return str(top["digest"])

    def fail(self, code: str) -> None:
        pytest.skip("Artifact Registry itself cannot be made to fail")

    def repair(self) -> None:
        pass

    def _send(
        self, method: str, repository: Repository, path: str, body: bytes, *, kind: str = "application/octet-stream"
    ) -> Answer:
        headers = {"content-type": kind}
        call = RegistryCall(
            method=method, repository=repository, path=path, actions="pull,push", headers=headers, body=body
        )
        answer = self._client.send(call)
        assert answer.status in (201, 202), (method, path, answer.status, answer.body)
        return answer


@pytest.fixture
def world(rest: GoogleRest, repository: GarRepository, tmp_path: Path) -> OnArtifactRegistryItself:
    return OnArtifactRegistryItself(rest, repository, tmp_path)
