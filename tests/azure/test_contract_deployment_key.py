"""The contract of deployment keys, held by Key Vault together with the deployment's bucket."""

import pytest

from boatyard_azure.deployment_key import KeyVaultKey
from boatyard_azure.rest import AzureRest
from boatyard_serverless.deployment_key import SecretDeploymentKey
from boatyard_serverless.memory import MemoryBucket
from tests.azure.vault import Vault
from tests.contract.test_deployment_key import *  # noqa: F403 - the suite's tests, with our fixture below
from tests.contract.test_deployment_key import Open


@pytest.fixture
def another(rest: AzureRest, vault: Vault) -> Open:
    bucket = MemoryBucket()
    return lambda: SecretDeploymentKey(KeyVaultKey(rest, f"{vault.url}/secrets/boatyard-key", bucket))
