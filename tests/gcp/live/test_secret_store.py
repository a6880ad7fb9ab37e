"""The contract of secret stores, held by Secret Manager itself."""

import itertools
from collections.abc import Iterator

import pytest

from boatyard_gcp.rest import Rest
from boatyard_gcp.secret_manager import SecretManager
from boatyard_gcp.secrets import SecretManagerStore, secret_path
from tests.contract.live import FRESH, live
from tests.contract.test_secret_store import *  # noqa: F403 - the suite's tests, with our fixture below

pytestmark = live("gcp")
_NUMBERS = itertools.count(1)


@pytest.fixture
def store(rest: Rest, project: str) -> Iterator[SecretManagerStore]:
    prefix = f"{FRESH}-{next(_NUMBERS)}"
    yield SecretManagerStore(rest, project, prefix)
    manager = SecretManager(rest)
    for secret in list(manager.secrets(project, f"{prefix}_")):
        manager.delete(secret_path(project, secret.name.rpartition("/")[2]))
