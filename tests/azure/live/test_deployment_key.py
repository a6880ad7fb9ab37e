"""The contract suite of deployment keys, with Key Vault itself and Blob Storage."""

import itertools
from collections.abc import Iterator

import pytest

from boatyard_azure.bucket import BlobBucket
from boatyard_azure.deployment_key import KeyVaultKey
from boatyard_azure.key_vault import KeyVault
from boatyard_azure.rest import AzureRest
from boatyard_serverless.deployment_key import SecretDeploymentKey
from tests.contract.live import FRESH, Below, live, named
from tests.contract.test_deployment_key import *  # noqa: F403 - the suite's tests, with our fixture below
from tests.contract.test_deployment_key import Open

pytestmark = live("azure")
_NUMBERS = itertools.count(1)


@pytest.fixture
def another(rest: AzureRest, account: str) -> Iterator[Open]:
    name = f"{FRESH}-key-{next(_NUMBERS)}"
    vault = KeyVault(rest, named("BOATYARD_LIVE_VAULT"))
    below = Below(BlobBucket(rest, account, named("BOATYARD_LIVE_BUCKET")), f"{name}/")
    yield lambda: SecretDeploymentKey(KeyVaultKey(rest, f"{vault.address}/secrets/{name}", below))
    vault.delete(name)
    below.empty()
