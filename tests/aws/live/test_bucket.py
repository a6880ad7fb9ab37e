"""The contract suite of buckets, with S3 itself."""

from collections.abc import Iterator

import pytest

from boatyard_aws.bucket import S3Bucket
from boatyard_aws.clients import Clients
from tests.contract.live import FRESH, Below, live, named
from tests.contract.test_bucket import *  # noqa: F403 - the suite's tests, with our fixture below

pytestmark = live("aws")


@pytest.fixture
def objects(clients: Clients) -> Iterator[Below]:
    below = Below(S3Bucket(clients, named("BOATYARD_LIVE_BUCKET")), f"{FRESH}/")
    yield below
    below.empty()
