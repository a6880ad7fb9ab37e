"""The contract suite of deployment keys, with Secret Manager itself."""

import itertools
from collections.abc import Iterator

import pytest

from boatyard_gcp.deployment_key import SecretManagerKey
from boatyard_gcp.rest import GoogleRest
from boatyard_gcp.secret_manager import SecretManager
from boatyard_serverless.deployment_key import SecretDeploymentKey
from tests.contract.live import FRESH, live
from tests.contract.test_deployment_key import *  # noqa: F403 - the suite's tests, with our fixture below
from tests.contract.test_deployment_key import Open

pytestmark = live("gcp")
_NUMBERS = itertools.count(1)


@pytest.fixture
def another(rest: GoogleRest, project: str) -> Iterator[Open]:
    identity = f"{FRESH}-key-{next(_NUMBERS)}"
    manager = SecretManager(rest)
    assert manager.create(project, identity, labels={})
    secret = f"projects/{project}/secrets/{identity}"
    yield lambda: SecretDeploymentKey(SecretManagerKey(rest, secret))
    manager.delete(secret)
