"""The contract of buckets, held by Blob Storage."""

import pytest

from boatyard_azure.bucket import BlobBucket
from tests.contract.test_bucket import *  # noqa: F403 - the suite's tests, with our fixture below


@pytest.fixture
def objects(bucket: BlobBucket) -> BlobBucket:
    return bucket
