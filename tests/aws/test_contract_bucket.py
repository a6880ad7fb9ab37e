"""The contract suite of buckets, with S3."""

import pytest

from boatyard_aws.bucket import S3Bucket
from boatyard_aws.clients import Clients
from tests.contract.test_bucket import *  # noqa: F403 - the suite's tests, with our fixture below


@pytest.fixture
def objects(clients: Clients, bucket: str) -> S3Bucket:
    return S3Bucket(clients, bucket)
