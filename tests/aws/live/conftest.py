"""Clients of the account that the environment's own credentials lead to."""

import pytest

from boatyard_aws.clients import Clients


@pytest.fixture(scope="session")
def clients() -> Clients:
    return Clients()
