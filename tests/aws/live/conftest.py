"""Clients of the account of the environment's own credentials."""

import pytest

from boatyard_aws.clients import Clients


@pytest.fixture(scope="session")
def clients() -> Clients:
    return Clients()
