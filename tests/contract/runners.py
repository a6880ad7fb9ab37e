"""Every JobRunner, with a driver that plays its job: the suites call `begin`, `log` and `finish` for each."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import msgspec

from boatyard.build import Build
from boatyard.job import JobProgress, JobResult
from boatyard.memory import ManualClock, MemoryJobRunner
from boatyard.ports import JobRunner
from boatyard.settings import Limits
from boatyard_local.jobs import LocalJobRunner
from boatyard_local.state import StateFolder
from tests.kubernetes.job_runner_driver import KubernetesDriver
from tests.kubernetes.real import KUBECONFIG
from tests.local.jobs import QUICK, argv, until
from tests.serverless.inline_builds import InlineDriver
from tests.serverless.job_runner_driver import ServiceDriver

LIMITS = Limits(concurrent_builds=2, queued_builds=5, queued_builds_per_project=3, failure_hold_seconds=60)


class Driver(Protocol):
    runner: JobRunner
    clock: ManualClock

    def begin(self, build_id: str) -> Build: ...
    def progress(self, build_id: str, progress: JobProgress) -> Build: ...
    def log(self, build_id: str, *lines: str) -> None: ...
    def finish(self, build_id: str, result: JobResult | None) -> Build:
        """Ends the job; without a result, it dies."""
        ...

    def finish_after_cancel(self, build_id: str, result: JobResult | None) -> Build:
        """Cancels the running build. Its job ignores that, and ends with `result` or dies."""
        ...

    def settle(self) -> None:
        """Returns when the runner counts the requested build."""
        ...


class MemoryDriver:
    def __init__(self, path: Path) -> None:
        self.clock = ManualClock()
        self.runner = MemoryJobRunner(self.clock, LIMITS)
        self.begin = self.runner.begin
        self.progress = self.runner.progress
        self.log = self.runner.log
        self.finish = self.runner.finish

    def finish_after_cancel(self, build_id: str, result: JobResult | None) -> Build:
        self.runner.cancel(build_id)
        return self.finish(build_id, result)

    def settle(self) -> None:
        pass

    def close(self) -> None:
        pass


class FileDriver:
    """The driver writes its orders to a file, which the stand-in job reads."""

    def __init__(self, path: Path) -> None:
        self.clock = ManualClock(time.time())
        self.state = StateFolder(path)
        self.runner = LocalJobRunner(self.state, self.clock, argv=argv, limits=LIMITS, patience=QUICK).open()
        self._begun: list[str] = []

    def begin(self, build_id: str) -> Build:
        self._begun.append(build_id)
        return until(lambda: self._if(build_id, "RUNNING"))  # type: ignore[no-any-return]

    def progress(self, build_id: str, progress: JobProgress) -> Build:
        self._order(build_id, progress=msgspec.to_builtins(progress))
        return until(lambda: (b := self.runner.status(build_id)) and b.phases and b)  # type: ignore[no-any-return]

    def log(self, build_id: str, *lines: str) -> None:
        for line in lines:
            self._order(build_id, line=line)
        until(lambda: lines[-1] in self.runner.logs(build_id, "").lines)  # type: ignore[union-attr]

    def finish(self, build_id: str, result: JobResult | None) -> Build:
        self._order(build_id, **({"exit": 9} if result is None else {"result": msgspec.to_builtins(result)}))
        return until(lambda: (b := self.runner.status(build_id)) and b.state.ended and b)  # type: ignore[no-any-return]

    def finish_after_cancel(self, build_id: str, result: JobResult | None) -> Build:
        self._order(build_id, deaf=True, line="deaf")
        until(lambda: self.runner.logs(build_id, "").lines)  # type: ignore[union-attr]
        self.runner.cancel(build_id)
        return self.finish(build_id, result)

    def settle(self) -> None:
        pass

    def close(self) -> None:
        for build_id in self._begun:
            self.runner.cancel(build_id)
            until(lambda build_id=build_id: self.runner.status(build_id).state.ended)
        self.runner.close()

    def _if(self, build_id: str, state: str) -> Build | None:
        build = self.runner.status(build_id)
        return build if build and build.state == state else None

    def _order(self, build_id: str, **order: Any) -> None:
        with (self.state.build(build_id).path / "orders.jsonl").open("a") as file:
            file.write(json.dumps(order) + "\n")


ALL: dict[str, Callable[[Path], Any]] = {
    "memory": MemoryDriver,
    "local": FileDriver,
    "kubernetes": lambda path: KubernetesDriver(path, LIMITS),
    "inline": lambda path: InlineDriver(LIMITS),
    "service": lambda path: ServiceDriver(LIMITS),
}
if KUBECONFIG:
    from tests.kubernetes.real.job_runner_driver import ClusterDriver

    ALL["cluster"] = lambda path: ClusterDriver(LIMITS)


def drive(name: str, path: Path) -> Iterator[Driver]:
    made = ALL[name](path)
    try:
        yield made
    finally:
        made.close()
