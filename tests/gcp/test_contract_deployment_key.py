"""The contract suite of deployment keys, with Secret Manager."""

import pytest

from boatyard_gcp.deployment_key import SecretManagerKey
from boatyard_gcp.rest import GoogleRest
from boatyard_serverless.deployment_key import SecretDeploymentKey
from tests.contract.test_deployment_key import *  # noqa: F403 - the suite's tests, with our fixture below
from tests.contract.test_deployment_key import Open
from tests.gcp.secrets import Secrets


@pytest.fixture
def another(rest: GoogleRest, secrets: Secrets) -> Open:
    secret = secrets.make("boatyard-deployment-key")
    return lambda: SecretDeploymentKey(SecretManagerKey(rest, secret))
