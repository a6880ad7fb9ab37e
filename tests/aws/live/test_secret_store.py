"""The contract suite of secret stores, with Secrets Manager itself."""

import itertools
from collections.abc import Iterator

import pytest

from boatyard_aws.clients import Clients
from boatyard_aws.secrets import SecretsManager
from boatyard_serverless.secrets import ServiceSecretStore
from tests.contract.live import FRESH, live
from tests.contract.test_secret_store import *  # noqa: F403 - the suite's tests, with our fixture below

pytestmark = live("aws")
_NUMBERS = itertools.count(1)


@pytest.fixture
def store(clients: Clients) -> Iterator[ServiceSecretStore]:
    prefix = f"{FRESH}-{next(_NUMBERS)}"
    yield ServiceSecretStore(SecretsManager(clients), prefix)
    pages = clients.secrets().get_paginator("list_secrets")
    for page in pages.paginate(Filters=[{"Key": "name", "Values": [f"{prefix}/"]}], IncludePlannedDeletion=True):
        for secret in page["SecretList"]:
            if secret.get("DeletedDate"):  # which cannot be deleted for good as it is
                clients.secrets().restore_secret(SecretId=secret["ARN"])
            clients.secrets().delete_secret(SecretId=secret["ARN"], ForceDeleteWithoutRecovery=True)
