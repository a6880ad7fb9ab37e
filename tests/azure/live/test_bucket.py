"""The contract suite of buckets, with Blob Storage itself."""

from collections.abc import Iterator

import pytest

from boatyard_azure.bucket import BlobBucket
from boatyard_azure.rest import AzureRest
from tests.contract.live import FRESH, Below, live, named
from tests.contract.test_bucket import *  # noqa: F403 - the suite's tests, with our fixture below

pytestmark = live("azure")


@pytest.fixture
def objects(rest: AzureRest, account: str) -> Iterator[Below]:
    below = Below(BlobBucket(rest, account, named("BOATYARD_LIVE_BUCKET")), f"{FRESH}/")
    yield below
    below.empty()
