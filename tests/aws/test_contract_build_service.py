"""The contract suite of build services, with a stand-in for CodeBuild."""

import time

import pytest

from boatyard_aws.build_service import CodeBuild, CodeBuildProject
from boatyard_aws.clients import Clients
from tests.aws import codebuild
from tests.aws.cloud import Cloud
from tests.contract.test_build_service import *  # noqa: F403 - the suite's tests, with our fixture below

_STATUS = {"ended": "FAILED", "stopped": "STOPPED", "timed_out": "TIMED_OUT"}


class Driver:
    def __init__(self, cloud: Cloud, clients: Clients, bucket: str) -> None:
        self._played = codebuild.CodeBuild(cloud)
        project = CodeBuildProject(name=codebuild.PROJECT)
        self.service = CodeBuild(clients, project, bucket)
        self._group = project.logs
        self._logs = clients.logs()
        self._logs.create_log_group(logGroupName=self._group)

    def run(self, build_id: str) -> None:
        self._played.of(build_id).phase = "BUILD"

    def write(self, build_id: str, *lines: str) -> None:
        stream = self._played.of(build_id).id.partition(":")[2]
        known = self._logs.describe_log_streams(logGroupName=self._group, logStreamNamePrefix=stream)["logStreams"]
        if not known:
            self._logs.create_log_stream(logGroupName=self._group, logStreamName=stream)
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": f"{line}\n"} for line in lines]
        self._logs.put_log_events(logGroupName=self._group, logStreamName=stream, logEvents=events)  # type: ignore[arg-type]

    def end(self, build_id: str, state: str, reason: str = "") -> None:
        played = self._played.of(build_id)
        played.status, played.reason = _STATUS[state], reason

    def forget(self, build_id: str) -> None:
        del self._played.builds[self._played.of(build_id).id]


@pytest.fixture
def it(cloud: Cloud, clients: Clients, bucket: str) -> Driver:
    return Driver(cloud, clients, bucket)
