"""Plays the part of an in-memory build service for the contract suite of job runners."""

import msgspec

from boatyard.build import Build
from boatyard.job import JobProgress, JobResult
from boatyard.memory import ManualClock
from boatyard.settings import Limits, Settings
from boatyard_serverless.builds import ServiceJobRunner
from boatyard_serverless.builds.ledger import BucketLedger
from boatyard_serverless.builds.log import END
from boatyard_serverless.memory import MemoryBucket, MemoryBuildService


class ServiceDriver:
    def __init__(self, limits: Limits) -> None:
        self.clock = ManualClock()
        bucket = MemoryBucket()
        self._service = MemoryBuildService()
        self._ledger = BucketLedger(bucket)
        self.runner = ServiceJobRunner(bucket, self._service, self.clock, Settings(limits=limits))

    def begin(self, build_id: str) -> Build:
        self._service.run(build_id)
        return self._status(build_id)

    def progress(self, build_id: str, progress: JobProgress) -> Build:
        self._ledger.write(build_id, "progress")(msgspec.json.encode(progress))
        return self._status(build_id)

    def log(self, build_id: str, *lines: str) -> None:
        self._service.write(build_id, *lines)

    def finish(self, build_id: str, result: JobResult | None) -> Build:
        if result is not None:
            self._ledger.write(build_id, "result")(msgspec.json.encode(result))
            self.log(build_id, END)
        self._service.end(build_id)
        return self._status(build_id)

    def finish_after_cancel(self, build_id: str, result: JobResult) -> Build:
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
