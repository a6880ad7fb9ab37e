"""The contract suite of secret stores, with Key Vault itself.

What it deletes stays recoverable for the vault's retention.
"""

import itertools
from collections.abc import Iterator

import pytest

from boatyard_azure.rest import AzureRest
from boatyard_azure.secrets import VaultSecrets
from boatyard_serverless.secrets import ServiceSecretStore
from tests.contract.live import FRESH, live, named
from tests.contract.test_secret_store import *  # noqa: F403 - the suite's tests, with our fixture below

pytestmark = live("azure")
_NUMBERS = itertools.count(1)


@pytest.fixture
def store(rest: AzureRest) -> Iterator[ServiceSecretStore]:
    prefix = f"{FRESH}-{next(_NUMBERS)}"
    service = VaultSecrets(rest, named("BOATYARD_LIVE_VAULT"))
    yield ServiceSecretStore(service, prefix)
    for identity, _ in list(service.found(f"{prefix}/")):
        service.delete(identity)
