"""A client of Azure's services with the credentials that the environment leads to."""

import pytest

from boatyard_azure.rest import AzureRest
from tests.contract.live import named


@pytest.fixture(scope="session")
def rest() -> AzureRest:
    return AzureRest()


@pytest.fixture(scope="session")
def account() -> str:
    return named("BOATYARD_LIVE_ACCOUNT")
