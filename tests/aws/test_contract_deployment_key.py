"""The contract suite of deployment keys, with Secrets Manager."""

import pytest

from boatyard_aws.clients import Clients
from boatyard_aws.deployment_key import SecretsManagerKey
from boatyard_serverless.deployment_key import SecretDeploymentKey
from tests.contract.test_deployment_key import *  # noqa: F403 - the suite's tests, with our fixture below
from tests.contract.test_deployment_key import Open


@pytest.fixture
def another(clients: Clients) -> Open:
    secret = clients.secrets().create_secret(Name="boatyard-deployment-key")["ARN"]
    return lambda: SecretDeploymentKey(SecretsManagerKey(clients, secret))
