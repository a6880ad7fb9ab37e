"""The builds that the contract suites of BuildService start: real ones, or builds that the test plays."""

import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final, Protocol

import pytest

from boatyard_serverless.memory import MemoryBuildService
from boatyard_serverless.ports import BuildService, Unsure

LINE: Final = "boatyard: nothing to do"
"""How the log of each build begins: the job of a build that nobody asked for (`boatyard_serverless.builds.job`)."""
TIMEOUT_SECONDS: Final = 600
_POLL_SECONDS: Final = (0.1, 10.0)
"""The first pause, which doubles, and the longest."""
_PROVISIONING_SECONDS: Final = 900.0
_LOG_SECONDS: Final = 120.0
_ENDS: Final = ("ended", "stopped", "timed_out")


class Builds(Protocol):
    """The operations that `test_build_service` needs. Every build is the smallest possible: its job finds nothing to
    do."""

    service: BuildService

    def start(self) -> str:
        """Returns the execution of a new build."""
        ...

    def end(self, execution: str) -> None:
        """Returns when the build has ended, and its log is complete."""
        ...

    def ended(self) -> str:
        """An execution that ended by itself. Tests only read it."""
        ...

    def unknown(self) -> str:
        """An execution of the right form that the service does not know."""
        ...


def new_build_id() -> str:
    return f"{uuid.uuid4().hex}-1"


class LiveBuilds:
    """Builds of a real service, which take minutes and cost money: tests that only read share one."""

    def __init__(self, service: BuildService, unknown: str) -> None:
        self.service = service
        self._unknown = unknown
        self._ended = ""

    def start(self) -> str:
        try:
            return self.service.start(new_build_id(), timeout_seconds=TIMEOUT_SECONDS)
        except Unsure:
            pytest.fail("the connection broke, so a build may be running that this test does not know")

    def end(self, execution: str) -> None:
        found = self._wait(_PROVISIONING_SECONDS, lambda: _state(self.service, execution) in _ENDS)
        assert found, f"{execution} has not ended after {_PROVISIONING_SECONDS:.0f} s"
        if _state(self.service, execution) == "ended":  # a stopped one may never have written anything
            written = self._wait(_LOG_SECONDS, lambda: _has_line(self.service, execution))
            assert written, f"{execution} has no line {LINE!r} in its log: is the project one that Terraform made?"

    def ended(self) -> str:
        if not self._ended:
            execution = self.start()
            self.end(execution)
            self._ended = execution
        return self._ended

    def unknown(self) -> str:
        return self._unknown

    def _wait(self, seconds: float, is_so: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + seconds
        pause, longest = _POLL_SECONDS
        while not is_so():
            if time.monotonic() > deadline:
                return False
            time.sleep(pause)
            pause = min(pause * 2, longest)
        return True


class PlayedBuilds(ABC):
    """Builds whose container is the test: `run`, `write` and `finish` do what the service and its container do."""

    service: BuildService

    def __init__(self) -> None:
        self._builds: dict[str, str] = {}

    @abstractmethod
    def run(self, build_id: str) -> None: ...

    @abstractmethod
    def write(self, build_id: str, *lines: str) -> None: ...

    @abstractmethod
    def finish(self, build_id: str, state: str, reason: str = "") -> None: ...

    @abstractmethod
    def forget(self, build_id: str) -> None:
        """The service deletes what it knows of the build."""

    def start(self) -> str:
        build_id = new_build_id()
        execution = self.service.start(build_id, timeout_seconds=TIMEOUT_SECONDS)
        self._builds[execution] = build_id
        return execution

    def end(self, execution: str) -> None:
        if _state(self.service, execution) in _ENDS:
            return
        build_id = self._builds[execution]
        self.run(build_id)
        self.write(build_id, f"{LINE}: it is played")
        self.finish(build_id, "ended")

    def ended(self) -> str:
        execution = self.start()
        self.end(execution)
        return execution

    def unknown(self) -> str:
        execution = self.start()
        self.forget(self._builds[execution])
        return execution


class MemoryBuilds(PlayedBuilds):
    def __init__(self) -> None:
        super().__init__()
        self.service: MemoryBuildService = MemoryBuildService()

    def run(self, build_id: str) -> None:
        self.service.run(build_id)

    def write(self, build_id: str, *lines: str) -> None:
        self.service.write(build_id, *lines)

    def finish(self, build_id: str, state: str, reason: str = "") -> None:
        self.service.end(build_id, state, reason)  # type: ignore[arg-type]

    def forget(self, build_id: str) -> None:
        self.service.forget(build_id)


def _state(service: BuildService, execution: str) -> str:
    found = service.look(execution)
    return found.state if found else "unknown"


def _has_line(service: BuildService, execution: str) -> bool:
    page = service.log(execution, "")
    return page is not None and any(line.startswith(LINE) for line in page.lines)
