"""The contract suites of build services, with a stand-in for CodeBuild."""

import pytest

from boatyard_aws.build_service import CodeBuild, CodeBuildProject
from boatyard_aws.clients import Clients
from tests.aws import codebuild
from tests.aws.cloud import Cloud
from tests.contract.build_services import PlayedBuilds
from tests.contract.test_build_service import *  # noqa: F403 - the suite's tests, with our fixture below
from tests.contract.test_build_service_played import *  # noqa: F403 - and those of a played container

_STATUS = {"ended": "FAILED", "stopped": "STOPPED", "timed_out": "TIMED_OUT"}


class PlayedCodeBuild(PlayedBuilds):
    def __init__(self, cloud: Cloud, clients: Clients, bucket: str) -> None:
        super().__init__()
        self._played = codebuild.CodeBuild(cloud)
        self.service = CodeBuild(clients, CodeBuildProject(name=codebuild.PROJECT), bucket)
        self._clients = clients

    def run(self, build_id: str) -> None:
        self._played.of(build_id).phase = "BUILD"

    def write(self, build_id: str, *lines: str) -> None:
        codebuild.write_log(self._clients, self._played.of(build_id), lines)

    def finish(self, build_id: str, state: str, reason: str = "") -> None:
        played = self._played.of(build_id)
        played.status, played.reason = _STATUS[state], reason

    def forget(self, build_id: str) -> None:
        del self._played.builds[self._played.of(build_id).id]


@pytest.fixture
def builds(cloud: Cloud, clients: Clients, bucket: str) -> PlayedCodeBuild:
    return PlayedCodeBuild(cloud, clients, bucket)
