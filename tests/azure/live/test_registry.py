"""The contract suite of registries, with Azure Container Registry itself."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from boatyard.reference import Reference
from boatyard_azure.registry import AcrRegistry
from boatyard_azure.registry.exchange import RefreshTokens
from boatyard_azure.registry.keychain import AcrKeychain
from boatyard_azure.rest import AzureRest
from boatyard_registry.client import RegistryCall, RegistryClient
from tests.contract.live import FRESH, live, named
from tests.contract.live_images import LiveImages
from tests.contract.test_registry import *  # noqa: F403 - the suite's tests, with our fixture below

pytestmark = live("azure")
_NUMBERS = itertools.count(1)


class OnAcrItself:
    """Each test has its own repositories, which the first push makes and `delete` removes."""

    def __init__(self, rest: AzureRest, registry: str, folder: Path) -> None:
        self.host = f"{registry}/{FRESH}/{next(_NUMBERS)}"
        self.registry = AcrRegistry(rest)
        tokens = RefreshTokens(rest.identity, rest.endpoints.resource("registry"), rest.transport)
        keychain = AcrKeychain(tokens, rest.endpoints.cloud.registry)
        self._client = RegistryClient(keychain=keychain, transport=rest.transport)
        self._images = LiveImages(self._client, folder)
        self._made: set[str] = set()

    def push(self, path: str, tag: str, platforms: tuple[str, ...], *keys: str) -> str:
        self._made.add(path)
        return self._images.push(f"{self.host}/{path}:{tag}", platforms, *keys)

    def delete(self) -> None:
        """https://learn.microsoft.com/rest/api/containerregistry/repository/delete"""
        for path in sorted(self._made):
            repository = Reference.parse(f"{self.host}/{path}:1").repository
            place = f"https://{repository.host}/acr/v1/{quote(repository.path)}"
            answer = self._client.send(
                RegistryCall(method="DELETE", repository=repository, path=place, actions="delete")
            )
            assert answer.status == 202, (path, answer.status, answer.body)

    def fail(self, code: str) -> None:
        pytest.skip("ACR itself cannot be made to fail")

    def repair(self) -> None:
        pass


@pytest.fixture
def world(rest: AzureRest, tmp_path: Path) -> Iterator[OnAcrItself]:
    made = OnAcrItself(rest, named("BOATYARD_LIVE_REGISTRY"), tmp_path)
    yield made
    made.delete()
