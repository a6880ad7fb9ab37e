"""The contract suite of build services, with ACR Tasks itself."""

import os
import uuid

import pytest

from boatyard_azure.build_service import AcrTasks
from boatyard_azure.rest import AzureRest
from boatyard_azure.stored_task import stored_task
from tests.contract.build_services import LiveBuilds
from tests.contract.live import live, named
from tests.contract.test_build_service import *  # noqa: F403 - the suite's tests, with our fixture below

pytestmark = live("azure")


@pytest.fixture(scope="session")
def builds(rest: AzureRest) -> LiveBuilds:
    task = stored_task(named("BOATYARD_LIVE_ACR_TASK"), os.environ.get("BOATYARD_LIVE_ACR_POOL", ""))
    return LiveBuilds(AcrTasks(rest, task), unknown=f"{task.registry_id}/runs/{uuid.uuid4().hex[:12]}")
