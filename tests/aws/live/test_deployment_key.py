"""The contract suite of deployment keys, with Secrets Manager itself."""

import itertools
from collections.abc import Iterator

import pytest

from boatyard_aws.clients import Clients
from boatyard_aws.deployment_key import SecretsManagerKey
from boatyard_serverless.deployment_key import SecretDeploymentKey
from tests.contract.live import FRESH, live
from tests.contract.test_deployment_key import *  # noqa: F403 - the suite's tests, with our fixture below
from tests.contract.test_deployment_key import Open

pytestmark = live("aws")
_NUMBERS = itertools.count(1)


@pytest.fixture
def another(clients: Clients) -> Iterator[Open]:
    name = f"{FRESH}-key-{next(_NUMBERS)}"
    secret = clients.secrets().create_secret(Name=name)["ARN"]
    yield lambda: SecretDeploymentKey(SecretsManagerKey(clients, secret))
    clients.secrets().delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
