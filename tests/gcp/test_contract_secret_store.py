"""The contract suite of secret stores, with Secret Manager."""

import pytest

from boatyard_gcp.rest import GoogleRest
from boatyard_gcp.secrets import ProjectSecrets
from boatyard_serverless.secrets import ServiceSecretStore
from tests.contract.test_secret_store import *  # noqa: F403 - the suite's tests, with our fixture below
from tests.gcp.metadata_server import PROJECT
from tests.gcp.secrets import Secrets


@pytest.fixture
def store(rest: GoogleRest, secrets: Secrets) -> ServiceSecretStore:
    return ServiceSecretStore(ProjectSecrets(rest, PROJECT), "boatyard")
