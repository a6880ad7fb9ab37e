"""The contract suite of build services, with CodeBuild itself."""

import uuid

import pytest

from boatyard_aws.build_service import CodeBuild, CodeBuildProject
from boatyard_aws.clients import Clients
from tests.contract.build_services import LiveBuilds
from tests.contract.live import live, named
from tests.contract.test_build_service import *  # noqa: F403 - the suite's tests, with our fixture below

pytestmark = live("aws")


@pytest.fixture(scope="session")
def builds(clients: Clients) -> LiveBuilds:
    project = named("BOATYARD_LIVE_CODEBUILD_PROJECT")
    service = CodeBuild(clients, CodeBuildProject(name=project), named("BOATYARD_LIVE_CODEBUILD_BUCKET"))
    return LiveBuilds(service, unknown=f"{project}:{uuid.uuid4()}")
