"""Azure on loopback, with TLS. Every server is started once and emptied, or is cheap enough to start for each test."""

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from boatyard_azure.bucket import BlobBucket
from boatyard_azure.rest import AzureRest
from tests.azure.acr import AcrTransport
from tests.azure.acr_tasks import TASK, AcrTasksServer
from tests.azure.azurite import ACCOUNT, Azurite, NoAzurite
from tests.azure.entra import Entra
from tests.azure.guard import Guard
from tests.azure.host import Host, make_bundle
from tests.azure.logs import Lines, kept_lines
from tests.azure.resource_manager import ResourceManager
from tests.azure.storage import Storage
from tests.azure.tls import write_authority, write_certificate
from tests.azure.vault import Vault
from tests.registry.server import FakeRegistry, running
from tests.sharing import made_once

_NUMBERS = itertools.count(1)

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
def lines() -> Iterator[Lines]:
    with kept_lines() as found:
        yield found


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


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    try:
        server = Azurite(*write_certificate(tmp_path_factory.mktemp("certificate")))
    except NoAzurite as error:
        pytest.skip(f"azurite is not there ({error}); Azure's Blob Storage and queues are not tested")
    with server:
        yield server


@pytest.fixture
def storage(azurite: Azurite, entra: Entra, ca_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    """The storage account, behind a guard that a test can let fail."""
    with Guard(azurite.blob, entra, ca_file) as blob, Guard(azurite.queue, entra, ca_file) as queue:
        monkeypatch.setenv("BOATYARD_BLOB_ENDPOINT", blob.url)
        monkeypatch.setenv("BOATYARD_QUEUE_ENDPOINT", queue.url)
        yield Storage(blob, queue, entra, ca_file)


@pytest.fixture
def bucket(storage: Storage, rest: AzureRest) -> BlobBucket:
    """A new one for each test."""
    name = f"boatyard-test-{next(_NUMBERS)}"
    storage.make_container(name)
    return BlobBucket(rest, ACCOUNT, name)


@pytest.fixture
def vault(entra: Entra) -> Iterator[Vault]:
    with Vault(entra) as server:
        yield server


@pytest.fixture
def users(entra: Entra) -> Iterator[Vault]:
    """The vault of users' secrets."""
    with Vault(entra) as made:
        yield made


@pytest.fixture
def acr_tasks(arm: ResourceManager) -> Iterator[AcrTasksServer]:
    made = AcrTasksServer(arm)
    with made.blobs:
        yield made


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle as the platform mounts it."""
    return made_once(tmp_path_factory, "bundle-azure", make_bundle) / "app"


@pytest.fixture
def deployment(
    entra: Entra, arm: ResourceManager, storage: Storage, bucket: BlobBucket, vault: Vault, ca_file: Path
) -> dict[str, str]:
    """The function's variables, as infra/terraform/azure sets them, without those of a registry."""
    return {
        **entra.of_a_function,
        "AZURE_AUTHORITY_HOST": entra.url,
        "SSL_CERT_FILE": str(ca_file),
        "BOATYARD_BLOB_ENDPOINT": storage.blob.url,
        "BOATYARD_QUEUE_ENDPOINT": storage.queue.url,
        "BOATYARD_MANAGEMENT_ENDPOINT": arm.url,
        "BOATYARD_STORAGE_ACCOUNT": ACCOUNT,
        "BOATYARD_BUCKET": bucket.container,
        "BOATYARD_DEPLOYMENT_KEY": f"{vault.url}/secrets/deployment-key",
        "BOATYARD_RUNNER": "acrtasks",
        "BOATYARD_ACR_TASK": TASK,
        "BOATYARD_VAULT": "https://boatyard-users.vault.azure.net",
        "BOATYARD_INVOKERS_CHECKED": "true",
    }


@pytest.fixture
def run_host(app: Path, tmp_path: Path) -> Iterator[Callable[[dict[str, str]], Host]]:
    hosts: list[Host] = []

    def run(variables: dict[str, str]) -> Host:
        hosts.append(Host(app, variables, tmp_path / "log"))
        return hosts[-1]

    yield run
    for host in hosts:
        host.close()


@pytest.fixture
def queues(storage: Storage) -> dict[str, str]:
    """Empty queues, and the variables that name them."""
    for name in ("events", "events-poison", "dead"):
        queue = storage.queues.get_queue_client(name)
        if queue.queue_name in {each.name for each in storage.queues.list_queues()}:
            queue.clear_messages()
        else:
            queue.create_queue()
    return {"BOATYARD_QUEUE": "events", "BOATYARD_DEAD_LETTERS": "dead"}
