"""The contract of registries, held by Azure Container Registry."""

import pytest

from boatyard.job import KEY_LABEL
from boatyard_azure.registry import AcrRegistry
from boatyard_azure.rest import AzureRest
from tests.azure.acr import HOST, AcrTransport
from tests.azure.test_registry import lookup
from tests.contract.test_registry import *  # noqa: F403 - the suite's tests, with our fixture below
from tests.contract.test_registry import DENIED
from tests.registry.server import Fault


class OnAzure:
    host = HOST

    def __init__(self, rest: AzureRest, acr: AcrTransport) -> None:
        self._acr = acr
        self.registry = AcrRegistry(rest, images=lookup(rest, acr))

    def push(self, path: str, tag: str, platforms: tuple[str, ...], *keys: str) -> str:
        labels = [{KEY_LABEL: key} for key in keys] + [{}] * (len(platforms) - len(keys))
        if len(platforms) == 1:
            return self._acr.fake.add_image(path, tag, platform=platforms[0], labels=labels[0])
        return self._acr.fake.add_index(path, tag, platforms, labels=labels)

    def fail(self, code: str) -> None:
        self._acr.fake.faults = [Fault(status=403 if code == DENIED else 503, times=10**6)]

    def repair(self) -> None:
        self._acr.fake.faults = []


@pytest.fixture
def world(rest: AzureRest, acr: AcrTransport) -> OnAzure:
    return OnAzure(rest, acr)
