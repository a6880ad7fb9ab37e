"""The contract suite of registries, with Artifact Registry."""

import pytest

from boatyard.job import KEY_LABEL
from boatyard_gcp.registry import ArtifactRegistry
from boatyard_gcp.registry.keychain import GoogleKeychain
from boatyard_gcp.rest import GoogleRest
from boatyard_registry import OciRegistry
from boatyard_registry.retries import Retries
from tests.contract.test_registry import *  # noqa: F403 - the suite's tests, with our fixture below
from tests.contract.test_registry import DENIED
from tests.gcp.artifact_registry import HOST, AtGoogle, Repositories
from tests.gcp.metadata_server import PROJECT, MetadataServer
from tests.registry.server import FakeRegistry, Fault


class OnGoogle:
    host = f"{HOST}/{PROJECT}/images"

    def __init__(self, rest: GoogleRest, images: FakeRegistry, transport: AtGoogle) -> None:
        self._images = images
        lookup = OciRegistry(
            keychain=GoogleKeychain(rest.identity),
            transport=transport,
            retries=Retries(attempts=2, first_pause_seconds=0.001),
        )
        self.registry = ArtifactRegistry(rest, images=lookup)

    def push(self, path: str, tag: str, platforms: tuple[str, ...], *keys: str) -> str:
        labels = [{KEY_LABEL: key} for key in keys] + [{}] * (len(platforms) - len(keys))
        full = f"{PROJECT}/images/{path}"
        if len(platforms) == 1:
            return self._images.add_image(full, tag, platform=platforms[0], labels=labels[0])
        return self._images.add_index(full, tag, platforms, labels=labels)

    def fail(self, code: str) -> None:
        self._images.faults = [Fault(status=403 if code == DENIED else 503, times=10**6, path="/v2/")]

    def repair(self) -> None:
        self._images.faults = []


@pytest.fixture
def world(rest: GoogleRest, images: FakeRegistry, repositories: Repositories, metadata: MetadataServer) -> OnGoogle:
    repositories.make("images")
    return OnGoogle(rest, images, AtGoogle(images, repositories, metadata))
