"""The contract suite of job runners, with Cloud Build and the bucket."""

import pytest

from boatyard_gcp.bucket import GcsBucket
from boatyard_gcp.rest import GoogleRest
from tests.contract.runners import LIMITS
from tests.contract.test_job_runner import *  # noqa: F403 - the suite's tests, with our fixture below
from tests.gcp.cloud_build import CloudBuild
from tests.gcp.job_runner_driver import CloudBuildDriver


@pytest.fixture
def it(cloud_build: CloudBuild, rest: GoogleRest, bucket: GcsBucket) -> CloudBuildDriver:
    return CloudBuildDriver(cloud_build, rest, bucket, LIMITS)
