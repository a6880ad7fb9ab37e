"""The contract suite of secret stores, with Secret Manager itself."""

import itertools
from collections.abc import Iterator

import pytest

from boatyard_gcp.rest import GoogleRest
from boatyard_gcp.secrets import ProjectSecrets
from boatyard_serverless.secrets import ServiceSecretStore
from tests.contract.live import FRESH, live
from tests.contract.test_secret_store import *  # noqa: F403 - the suite's tests, with our fixture below

pytestmark = live("gcp")
_NUMBERS = itertools.count(1)


@pytest.fixture
def store(rest: GoogleRest, project: str) -> Iterator[ServiceSecretStore]:
    prefix = f"{FRESH}-{next(_NUMBERS)}"
    service = ProjectSecrets(rest, project)
    yield ServiceSecretStore(service, prefix)
    for identity, _ in list(service.found(f"{prefix}_")):
        service.delete(identity)
