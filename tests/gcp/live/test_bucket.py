"""The contract suite of buckets, with Cloud Storage itself."""

from collections.abc import Iterator

import pytest

from boatyard_gcp.bucket import GcsBucket
from boatyard_gcp.rest import GoogleRest
from tests.contract.live import FRESH, Below, live, named
from tests.contract.test_bucket import *  # noqa: F403 - the suite's tests, with our fixture below

pytestmark = live("gcp")


@pytest.fixture
def objects(rest: GoogleRest) -> Iterator[Below]:
    below = Below(GcsBucket(rest, named("BOATYARD_LIVE_BUCKET")), f"{FRESH}/")
    yield below
    below.empty()
