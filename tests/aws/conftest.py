"""One moto server for all tests of AWS; it is reset between them."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from boatyard.settings import Settings
from boatyard_aws.clients import Clients
from boatyard_local.settings import load_settings
from tests.aws.cloud import REGION, Cloud, serve
from tests.aws.container import Container
from tests.aws.emulator import make_bundle, runtime, unpack
from tests.aws.images import Ecr
from tests.aws.site import DEPLOYMENT_KEY
from tests.registry.distribution import Distribution
from tests.sharing import made_once

BUCKET = "boatyard-test"
ENGINE = Path(__file__).parent.parent.parent / ".boatyard" / "boatyard.toml"


@pytest.fixture(scope="session")
def server() -> Iterator[Cloud]:
    cloud, stop = serve()
    yield cloud
    stop()


@pytest.fixture
def cloud(server: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    httpx.post(f"{server.url}/moto-api/reset").raise_for_status()
    server.forget()
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    return server


@pytest.fixture(scope="session")
def shared() -> Clients:
    """Creating a client reads megabytes of service models, so all tests that do not change the clients share one
    set."""
    return Clients(attempts=2)


@pytest.fixture
def clients(cloud: Cloud, shared: Clients) -> Clients:
    return shared


@pytest.fixture
def bucket(clients: Clients) -> str:
    """Creates what Terraform creates for a function: the bucket, and the secret for the deployment's key."""
    clients.s3().create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    clients.secrets().create_secret(Name=DEPLOYMENT_KEY)
    return BUCKET


@pytest.fixture
def ecr(cloud: Cloud, clients: Clients) -> Ecr:
    return Ecr(cloud, clients)


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The aws.zip that `make bundle CLOUD=aws` makes, beside the others."""
    return made_once(tmp_path_factory, "bundle", make_bundle) / "aws.zip"


@pytest.fixture(scope="session")
def job_archive(bundle: Path) -> Path:
    """The archive that runs inside a build, made together with the bundle."""
    return bundle.with_name("aws-builder.zip")


@pytest.fixture
def container(job_archive: Path, tmp_path: Path) -> Container:
    """A CodeBuild container that has fetched the archive."""
    folder = tmp_path / "container"
    folder.mkdir()
    return Container(job_archive, folder)


@pytest.fixture(scope="session")
def task(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked bundle: Lambda's /var/task."""
    return unpack(bundle, tmp_path_factory.mktemp("task"))


@pytest.fixture(scope="session")
def inline_task(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked bundle of a function that carries builds out itself."""
    return unpack(bundle.with_name("aws-inline.zip"), tmp_path_factory.mktemp("inline-task"))


@pytest.fixture(scope="session")
def lambda_runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return runtime(tmp_path_factory.mktemp("lambda") / "runtime")


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """The engine's BuildKit, and a registry that needs no account, as ECR needs none from the function's role."""
    found = load_settings(ENGINE, {})
    registry = Distribution(tmp_path)
    yield msgspec.structs.replace(
        found,
        default_repository=f"{registry.address}/images",
        insecure_registries=(*found.insecure_registries, registry.address),
    )
    registry.stop()
