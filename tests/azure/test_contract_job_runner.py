"""The contract of job runners, held by ACR Tasks and a bucket."""

import pytest

from tests.azure.acr_tasks import AcrTasksServer
from tests.azure.job_runner_driver import AcrTasksDriver
from tests.contract.runners import LIMITS
from tests.contract.test_job_runner import *  # noqa: F403 - the suite's tests, with our fixture below


@pytest.fixture
def it(acr_tasks: AcrTasksServer) -> AcrTasksDriver:
    return AcrTasksDriver(acr_tasks, LIMITS)
