"""The contract suite of job runners, with CodeBuild and the bucket."""

import pytest

from boatyard_aws.clients import Clients
from tests.aws.cloud import Cloud
from tests.aws.job_runner_driver import CodeBuildDriver
from tests.contract.runners import LIMITS
from tests.contract.test_job_runner import *  # noqa: F403 - the suite's tests, with our fixture below


@pytest.fixture
def it(cloud: Cloud, clients: Clients, bucket: str) -> CodeBuildDriver:
    return CodeBuildDriver(cloud, clients, bucket, LIMITS)
