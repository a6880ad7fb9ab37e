"""The contract of job runners, held by Cloud Build and the bucket."""

import pytest

from boatyard_gcp.bucket import GcsBucket
from boatyard_gcp.rest import GoogleRest
from tests.contract.runners import LIMITS
from tests.contract.test_job_runner import *  # noqa: F403 - the suite's tests, with our fixture below
from tests.gcp.cloud_build import CloudBuild
from tests.gcp.hands import CloudBuildHands


@pytest.fixture
def it(cloud_build: CloudBuild, rest: GoogleRest, bucket: GcsBucket) -> CloudBuildHands:
    return CloudBuildHands(cloud_build, rest, bucket, LIMITS)
