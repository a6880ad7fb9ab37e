"""Plays the part of Cloud Build's builds for the contract suite of job runners."""

import time

import msgspec

from boatyard.build import Build
from boatyard.job import JobProgress, JobResult
from boatyard.memory import ManualClock
from boatyard.settings import Limits, Settings
from boatyard_gcp.bucket import GcsBucket
from boatyard_gcp.build_service import CloudBuild as CloudBuildService
from boatyard_gcp.rest import GoogleRest
from boatyard_serverless.builds import ServiceJobRunner
from boatyard_serverless.builds.growing_log import BEGIN
from boatyard_serverless.builds.ledger import BucketLedger
from boatyard_serverless.builds.log import END
from tests.gcp.cloud_build import CloudBuild
from tests.gcp.site import builder


class CloudBuildDriver:
    def __init__(self, played: CloudBuild, rest: GoogleRest, bucket: GcsBucket, limits: Limits) -> None:
        self.clock = ManualClock(time.time())
        self.cloud_build = played
        self._rest = rest
        service = CloudBuildService(rest, builder(bucket.name))
        self.runner = ServiceJobRunner(bucket, service, self.clock, Settings(limits=limits))
        self.ledger = BucketLedger(bucket)

    def begin(self, build_id: str) -> Build:
        self.cloud_build.of(build_id).status = "WORKING"
        return self._status(build_id)

    def progress(self, build_id: str, progress: JobProgress) -> Build:
        self.ledger.write(build_id, "progress")(msgspec.json.encode(progress))
        return self._status(build_id)

    def log(self, build_id: str, *lines: str) -> None:
        build = self.cloud_build.of(build_id)
        head = "" if build.log else f'starting build "{build.id}"\n\nFETCHSOURCE\nBUILD\n{BEGIN}\n'
        self.cloud_build.write(self._rest, build, head + "".join(f"{line}\n" for line in lines))

    def finish(self, build_id: str, result: JobResult | None) -> Build:
        build = self.cloud_build.of(build_id)
        if result is not None:
            self.ledger.write(build_id, "result")(msgspec.json.encode(result))
            self.log(build_id, END, "PUSH", "DONE")
        build.status = "SUCCESS" if result else "FAILURE"
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
