"""Plays the part of ACR Tasks' runs for the contract suite of job runners."""

import time

import msgspec

from boatyard.build import Build
from boatyard.job import JobProgress, JobResult
from boatyard.memory import ManualClock
from boatyard.settings import Limits, Settings
from boatyard_azure.build_service import AcrTasks
from boatyard_azure.rest import AzureRest
from boatyard_azure.stored_task import stored_task
from boatyard_serverless.builds import ServiceJobRunner
from boatyard_serverless.builds.growing_log import BEGIN
from boatyard_serverless.builds.ledger import BucketLedger
from boatyard_serverless.builds.log import END
from boatyard_serverless.memory import MemoryBucket
from tests.azure.acr_tasks import HEAD, TASK, AcrTasksServer


class AcrTasksDriver:
    """The bucket is in memory: tests/azure/test_contract_bucket.py holds Blob Storage to the same contract."""

    def __init__(self, played: AcrTasksServer, limits: Limits) -> None:
        self.clock = ManualClock(time.time())
        self.acr_tasks = played
        bucket = MemoryBucket()
        service = AcrTasks(AzureRest(sleep=lambda _: None), stored_task(TASK))
        self.runner = ServiceJobRunner(bucket, service, self.clock, Settings(limits=limits))
        self.ledger = BucketLedger(bucket)

    def begin(self, build_id: str) -> Build:
        self.acr_tasks.of(build_id).status = "Running"
        return self._status(build_id)

    def progress(self, build_id: str, progress: JobProgress) -> Build:
        self.ledger.write(build_id, "progress")(msgspec.json.encode(progress))
        return self._status(build_id)

    def log(self, build_id: str, *lines: str) -> None:
        run = self.acr_tasks.of(build_id)
        head = "" if run.log else f"{HEAD}{BEGIN}\n"
        run.log += (head + "".join(f"{line}\n" for line in lines)).encode()

    def finish(self, build_id: str, result: JobResult | None) -> Build:
        run = self.acr_tasks.of(build_id)
        if result is not None:
            self.ledger.write(build_id, "result")(msgspec.json.encode(result))
            self.log(build_id, END, "2026/01/01 00:01:00 Successfully executed container: build")
        run.status = "Succeeded" if result else "Failed"
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
