"""A client of Google's APIs with the environment's credentials."""

import os

import pytest

from boatyard_gcp.rest import GoogleRest
from tests.contract.live import named


@pytest.fixture(scope="session")
def rest() -> GoogleRest:
    return GoogleRest()


@pytest.fixture(scope="session")
def project() -> str:
    return os.environ.get("GOOGLE_CLOUD_PROJECT") or named("GOOGLE_CLOUD_PROJECT")
