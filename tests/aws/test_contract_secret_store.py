"""The contract suite of secret stores, with Secrets Manager."""

import pytest

from boatyard_aws.clients import Clients
from boatyard_aws.secrets import SecretsManager
from boatyard_serverless.secrets import ServiceSecretStore
from tests.contract.test_secret_store import *  # noqa: F403 - the suite's tests, with our fixture below


@pytest.fixture
def store(clients: Clients) -> ServiceSecretStore:
    return ServiceSecretStore(SecretsManager(clients), "boatyard")
