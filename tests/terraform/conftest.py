"""Deployments in loopback accounts, applied concurrently, because most of an apply is waiting."""

import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.aws.emulator import make_bundle
from tests.sharing import made_once
from tests.terraform.deployment import EXAMPLES, Deployment
from tests.terraform.offline.account import account
from tests.terraform.offline.cli import Terraform, TerraformFailed
from tests.terraform.offline.mirror import Providers, attached, local_mirror, providers

ORDER = (
    *(
        "test_expected.py",
        "test_google_roles.py",
        "test_azure_roles.py",
        "test_checkov.py",
        "test_style.py",
        "test_validate.py",
        "test_outputs.py",
    ),
    *("", "test_destroy.py"),
)
"""What computes comes first, while what waits is applied; what takes the deployments away comes last."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sorts the tests of this folder."""
    here = [index for index, item in enumerate(items) if item.path.parent == Path(__file__).parent]
    ordered = sorted((items[index] for index in here), key=_place)
    for index, item in zip(here, ordered, strict=True):
        items[index] = item


def _place(item: pytest.Item) -> int:
    return ORDER.index(item.path.name if item.path.name in ORDER else "")


@pytest.fixture(scope="session")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Providers]:
    """The providers that tests use."""
    if shutil.which("terraform") is None:
        pytest.skip("Terraform is not installed")
    with providers(tmp_path_factory.mktemp("providers")) as found:
        yield found


@pytest.fixture(scope="session")
def module(tmp_path_factory: pytest.TempPathFactory, configuration: Providers) -> Iterator[Terraform]:
    """infra/terraform/aws, initialised. Its plans are of a mock, so they share one process of the real provider: a
    start of it takes longer than a plan."""
    terraform = initialised(Terraform(tmp_path_factory.mktemp("module") / "terraform", "aws", configuration))
    with attached(provider(terraform), configuration.attached, terraform.environment) as every:
        terraform.attach(every)
        yield terraform


def provider(terraform: Terraform) -> Path:
    """The program of the AWS provider."""
    (program,) = terraform.folder.glob(".terraform/providers/*/hashicorp/aws/*/*/terraform-provider-aws*")
    return program


@pytest.fixture(scope="module")
def google_module(tmp_path_factory: pytest.TempPathFactory, configuration: Providers) -> Terraform:
    """infra/terraform/gcp, initialised: only stubs, so no mirror of a real provider."""
    return initialised(Terraform(tmp_path_factory.mktemp("google") / "terraform", "gcp", configuration))


@pytest.fixture(scope="module")
def azure_module(tmp_path_factory: pytest.TempPathFactory, configuration: Providers) -> Terraform:
    """infra/terraform/azure, initialised: only stubs, as Google's."""
    return initialised(Terraform(tmp_path_factory.mktemp("azure") / "terraform", "azure", configuration))


def initialised(terraform: Terraform) -> Terraform:
    try:
        terraform.init()
    except TerraformFailed as failed:
        if local_mirror("aws") is None:
            pytest.skip(f"the AWS provider is neither on this disk nor to be had from its registry: {failed}"[:300])
        raise
    return terraform


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The functions' archive, as `make bundle CLOUD=aws` makes it."""
    return made_once(tmp_path_factory, "bundle", make_bundle) / "aws.zip"


@pytest.fixture(scope="session")
def deployments(
    tmp_path_factory: pytest.TempPathFactory, configuration: Providers, bundle: Path, module: Terraform
) -> Iterator[dict[str, "Future[Deployment]"]]:
    """Starts all applies concurrently; a test waits only for the one that it uses. `module` checks the providers
    first."""
    pool = ThreadPoolExecutor(len(EXAMPLES))
    started: dict[str, Future[Deployment]] = {}
    running = ExitStack()
    try:
        for name, example in EXAMPLES.items():
            folder = tmp_path_factory.mktemp(name)
            own = running.enter_context(account(folder / "account.log"))
            made = Deployment(example, own, folder, configuration, bundle)
            environment = made.terraform.environment
            every = attached(provider(module), configuration.attached, environment)
            made.terraform.attach(running.enter_context(every))
            started[name] = pool.submit(made.apply)
        yield started
    finally:
        pool.shutdown()
        running.close()
        for future in started.values():
            if not future.exception():
                future.result().close()


@pytest.fixture
def complete(deployments: dict[str, "Future[Deployment]"]) -> Deployment:
    return deployments["complete"].result()


@pytest.fixture
def no_cluster(deployments: dict[str, "Future[Deployment]"]) -> Deployment:
    return deployments["no-cluster"].result()


@pytest.fixture
def existing_cluster(deployments: dict[str, "Future[Deployment]"]) -> Deployment:
    return deployments["existing-cluster"].result()
