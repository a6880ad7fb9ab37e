"""Plays the function that carries builds out itself, for the contract suites of build services and job runners."""

from typing import Any

import msgspec

from boatyard.build import Build
from boatyard.job import JobProgress, JobResult
from boatyard.memory import ManualClock
from boatyard.settings import Limits, Settings
from boatyard_serverless.builds import ServiceJobRunner
from boatyard_serverless.builds.ledger import BucketLedger
from boatyard_serverless.inline import InlineBuilds
from boatyard_serverless.inline.lease import Lease, take
from boatyard_serverless.inline.log import InlineLogWriter
from boatyard_serverless.inline.state import InlineStates
from boatyard_serverless.memory import MemoryBucket, MemoryWorkQueue
from boatyard_serverless.ports import Bucket
from tests.contract.build_services import PlayedBuilds


class InlineFunction:
    """What a function does with a build, without the job."""

    def __init__(self, bucket: Bucket, clock: ManualClock) -> None:
        self._bucket = bucket
        self._clock = clock
        self._states = InlineStates(bucket)
        self._leases: dict[str, Lease] = {}
        self._logs: dict[str, InlineLogWriter] = {}
        self._seconds = 0.0

    def run(self, build_id: str) -> None:
        lease = take(self._states, self._clock, build_id, message="m")
        assert isinstance(lease, Lease), lease
        self._leases[build_id] = lease
        self._logs[build_id] = InlineLogWriter(self._bucket, build_id, lease.taken, now=self._now)

    def write(self, build_id: str, *lines: str) -> None:
        self._logs[build_id].write(lines)

    def end(self, build_id: str, *, reason: str = "", timed_out: bool = False) -> None:
        self._leases[build_id].end(reason, timed_out=timed_out)

    def close_log(self, build_id: str) -> None:
        self._logs[build_id].close()

    def _now(self) -> float:
        """Each call is later than a part of the log waits."""
        self._seconds += 3
        return self._seconds


class PlayedInline(PlayedBuilds):
    def __init__(self) -> None:
        super().__init__()
        clock = ManualClock()
        self._bucket = MemoryBucket()
        self._function = InlineFunction(self._bucket, clock)
        self.service: Any = InlineBuilds(self._bucket, MemoryWorkQueue(), clock)

    def run(self, build_id: str) -> None:
        self._function.run(build_id)

    def write(self, build_id: str, *lines: str) -> None:
        self._function.write(build_id, *lines)

    def finish(self, build_id: str, state: str, reason: str = "") -> None:
        if state == "stopped":
            self.service.stop(f"inline:{build_id}")
        self._function.end(build_id, reason=reason, timed_out=state == "timed_out")

    def forget(self, build_id: str) -> None:
        for key in list(self._bucket.keys("jobs/")):
            self._bucket.delete(key)


class InlineDriver:
    def __init__(self, limits: Limits) -> None:
        self.clock = ManualClock()
        bucket = MemoryBucket()
        self._ledger = BucketLedger(bucket)
        self._function = InlineFunction(bucket, self.clock)
        service = InlineBuilds(bucket, MemoryWorkQueue(), self.clock)
        self.runner = ServiceJobRunner(bucket, service, self.clock, Settings(limits=limits))

    def begin(self, build_id: str) -> Build:
        self._function.run(build_id)
        return self._status(build_id)

    def progress(self, build_id: str, progress: JobProgress) -> Build:
        self._ledger.write(build_id, "progress")(msgspec.json.encode(progress))
        return self._status(build_id)

    def log(self, build_id: str, *lines: str) -> None:
        self._function.write(build_id, *lines)

    def finish(self, build_id: str, result: JobResult | None) -> Build:
        if result is not None:
            self._ledger.write(build_id, "result")(msgspec.json.encode(result))
            self._function.close_log(build_id)
        self._function.end(build_id)
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
