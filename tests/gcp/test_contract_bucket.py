"""The contract suite of buckets, with Cloud Storage."""

import pytest

from boatyard_gcp.bucket import GcsBucket
from tests.contract.test_bucket import *  # noqa: F403 - the suite's tests, with our fixture below


@pytest.fixture
def objects(bucket: GcsBucket) -> GcsBucket:
    return bucket
