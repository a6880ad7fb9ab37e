"""Azure on loopback, with TLS. Every server is started once and emptied, or is cheap enough to start for each test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from boatyard_azure.rest import AzureRest
from tests.azure.acr import AcrTransport
from tests.azure.entra import Entra
from tests.azure.resource_manager import ResourceManager
from tests.azure.tls import write_authority
from tests.registry.server import FakeRegistry, running

_LEADS = ("AZURE_", "IDENTITY_", "MSI_", "BOATYARD_")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


@pytest.fixture(scope="session")
def ca_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, ca_file: Path) -> None:
    """A process that has nothing of Azure's, and trusts the servers here."""
    for name in [*(name for name in os.environ if name.startswith(_LEADS)), *_PROXIES]:
        if not name.startswith("BOATYARD_LIVE"):
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))


@pytest.fixture
def entra(nowhere: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Entra]:
    """This process is a function of Azure's, with a managed identity."""
    with Entra() as server:
        for name, value in server.of_a_function.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def rest(entra: Entra) -> AzureRest:
    return AzureRest(sleep=lambda _: None)


@pytest.fixture
def arm(entra: Entra, monkeypatch: pytest.MonkeyPatch) -> Iterator[ResourceManager]:
    with ResourceManager(entra) as server:
        monkeypatch.setenv("BOATYARD_MANAGEMENT_ENDPOINT", server.url)
        yield server


@pytest.fixture
def images() -> Iterator[FakeRegistry]:
    with running() as registry:
        yield registry


@pytest.fixture
def acr(images: FakeRegistry, entra: Entra) -> AcrTransport:
    return AcrTransport(images, entra)
