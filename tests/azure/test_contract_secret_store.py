"""The contract of secret stores, held by Key Vault."""

import pytest

from boatyard_azure.rest import AzureRest
from boatyard_azure.secrets import VaultSecrets
from boatyard_serverless.secrets import ServiceSecretStore
from tests.azure.vault import Vault
from tests.contract.test_secret_store import *  # noqa: F403 - the suite's tests, with our fixture below


@pytest.fixture
def store(rest: AzureRest, vault: Vault) -> ServiceSecretStore:
    return ServiceSecretStore(VaultSecrets(rest, vault.url, sleep=lambda _: None), "boatyard")
