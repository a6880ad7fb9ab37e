"""Plays the part of CodeBuild's builds for the contract suite of job runners."""

import time

import msgspec

from boatyard.build import Build
from boatyard.job import JobProgress, JobResult
from boatyard.memory import ManualClock
from boatyard.settings import Limits, Settings
from boatyard_aws.bucket import S3Bucket
from boatyard_aws.build_service import CodeBuild as CodeBuildService
from boatyard_aws.build_service import CodeBuildProject
from boatyard_aws.clients import Clients
from boatyard_serverless.builds import ServiceJobRunner
from boatyard_serverless.builds.ledger import BucketLedger
from boatyard_serverless.builds.log import END
from tests.aws.cloud import Cloud
from tests.aws.codebuild import PROJECT, CodeBuild, write_log


class CodeBuildDriver:
    def __init__(self, cloud: Cloud, clients: Clients, bucket: str, limits: Limits) -> None:
        self.clock = ManualClock(time.time())
        self.codebuild = CodeBuild(cloud)
        self.runner = ServiceJobRunner(
            S3Bucket(clients, bucket),
            CodeBuildService(clients, CodeBuildProject(name=PROJECT), bucket),
            self.clock,
            Settings(limits=limits),
        )
        self._ledger = BucketLedger(S3Bucket(clients, bucket))
        self._clients = clients

    def begin(self, build_id: str) -> Build:
        self.codebuild.of(build_id).phase = "BUILD"
        return self._status(build_id)

    def progress(self, build_id: str, progress: JobProgress) -> Build:
        self._ledger.write(build_id, "progress")(msgspec.json.encode(progress))
        return self._status(build_id)

    def log(self, build_id: str, *lines: str) -> None:
        write_log(self._clients, self.codebuild.of(build_id), lines)

    def finish(self, build_id: str, result: JobResult | None) -> Build:
        played = self.codebuild.of(build_id)
        if result is not None:
            self._ledger.write(build_id, "result")(msgspec.json.encode(result))
            self.log(build_id, END)
        played.status = "SUCCEEDED" if result else "FAILED"
        return self._status(build_id)

    def finish_after_cancel(self, build_id: str, result: JobResult | None) -> Build:
        self.runner.cancel(build_id)
        return self.finish(build_id, result)

    def settle(self) -> None:
        pass

    def close(self) -> None:
        pass

    def _status(self, build_id: str) -> Build:
        build = self.runner.status(build_id)
        assert build
        return build
