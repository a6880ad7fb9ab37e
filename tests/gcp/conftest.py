"""Google Cloud on loopback. Servers are started once and reset between tests, or are cheap enough to start for each
test."""

import itertools
import logging
from collections.abc import Callable, Iterator

import pytest

from boatyard_gcp.bucket import GcsBucket
from boatyard_gcp.rest import GoogleRest
from tests.gcp.artifact_registry import AtGoogle, Repositories
from tests.gcp.cloud_build import CloudBuild
from tests.gcp.iam import play
from tests.gcp.loopback import ApiServer
from tests.gcp.metadata_server import MetadataServer
from tests.gcp.oauth import OAuth
from tests.gcp.pubsub import Emulator, find_emulator
from tests.gcp.secrets import Secrets
from tests.gcp.site import DEPLOYMENT_KEY, Site, variables
from tests.gcp.storage import Storage
from tests.registry.server import FakeRegistry, running

_BUCKETS = itertools.count(1)
_OTHERS = (
    *("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT"),
    *("STORAGE_EMULATOR_HOST", "PUBSUB_EMULATOR_HOST"),
    *("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"),
)


@pytest.fixture(scope="module", autouse=True)
def loggers() -> Iterator[None]:
    """Restores the loggers, because other clouds' tests may run in this process next."""
    found = [logging.getLogger(name) for name in ("boatyard", "boatyard_serverless", "boatyard_gcp")]
    before = [(logger, list(logger.handlers), logger.propagate) for logger in found]
    yield
    for logger, handlers, propagate in before:
        logger.handlers, logger.propagate = handlers, propagate


@pytest.fixture
def metadata(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MetadataServer]:
    """Makes this process look like a Google function: it has a metadata server and no credential files."""
    for name in _OTHERS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path_factory.mktemp("no-gcloud")))
    with MetadataServer() as server:
        monkeypatch.setenv("GCE_METADATA_HOST", server.host)
        yield server


@pytest.fixture
def rest(metadata: MetadataServer) -> GoogleRest:
    return GoogleRest(sleep=lambda _: None)


@pytest.fixture
def secret_manager(metadata: MetadataServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    with ApiServer("secretmanager", "v1", metadata) as server:
        monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER", server.url)
        yield server


@pytest.fixture
def cloud_build(metadata: MetadataServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudBuild]:
    with ApiServer("cloudbuild", "v1", metadata) as server:
        monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDBUILD", server.url)
        yield CloudBuild(server)


@pytest.fixture
def oauth(metadata: MetadataServer) -> Iterator[OAuth]:
    with OAuth() as server:
        yield server


@pytest.fixture
def secrets(secret_manager: ApiServer) -> Secrets:
    return Secrets(secret_manager)


@pytest.fixture(scope="session")
def storage_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    with Storage(tmp_path_factory.mktemp("storage")) as server:
        yield server


@pytest.fixture
def storage(storage_server: Storage, metadata: MetadataServer, monkeypatch: pytest.MonkeyPatch) -> Storage:
    storage_server.forget(metadata)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", storage_server.url)
    return storage_server


@pytest.fixture
def bucket(storage: Storage, rest: GoogleRest) -> GcsBucket:
    """A new bucket for each test."""
    name = f"boatyard-test-{next(_BUCKETS)}"
    storage.make_bucket(name)
    return GcsBucket(rest, name)


@pytest.fixture
def iam(metadata: MetadataServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    with ApiServer("iamcredentials", "v1", metadata) as server:
        play(server)
        monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS", server.url)
        yield server


@pytest.fixture
def artifact_registry(metadata: MetadataServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    with ApiServer("artifactregistry", "v1", metadata) as server:
        monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_ARTIFACTREGISTRY", server.url)
        yield server


@pytest.fixture
def repositories(artifact_registry: ApiServer) -> Repositories:
    return Repositories(artifact_registry)


@pytest.fixture
def images() -> Iterator[FakeRegistry]:
    with running() as registry:
        yield registry


@pytest.fixture
def google(images: FakeRegistry, repositories: Repositories, metadata: MetadataServer) -> AtGoogle:
    repositories.make("images")
    repositories.make("bases")
    return AtGoogle(images, repositories, metadata)


@pytest.fixture
def pubsub(metadata: MetadataServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    with ApiServer("pubsub", "v1", metadata) as server:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", server.url.removeprefix("http://"))
        yield server


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    argv = find_emulator()
    if argv is None:
        pytest.skip(
            "Google's Pub/Sub emulator is not installed; published messages are only checked against its documents"
        )
    with Emulator(argv, tmp_path_factory.mktemp("pubsub")) as found:
        yield found


@pytest.fixture
def make(
    rest: GoogleRest, google: AtGoogle, bucket: GcsBucket, secrets: Secrets, cloud_build: CloudBuild, iam: ApiServer
) -> Callable[..., Site]:
    """Creates the function with further variables, and everything that Terraform creates for it."""
    secrets.make(DEPLOYMENT_KEY)
    return lambda **more: Site(variables(bucket.name, **more), rest, google)


@pytest.fixture
def site(make: Callable[..., Site]) -> Site:
    return make()
