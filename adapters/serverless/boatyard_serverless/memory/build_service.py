"""An in-memory build service. The caller starts, writes and ends its builds."""

import itertools
import threading
from typing import Literal

from boatyard.errors import BoatyardError, invalid
from boatyard_serverless.ports import Execution, RawLog, Unsure

_LINES_A_PAGE = 1000
_LONGEST_CURSOR = 18


class MemoryBuildService:
    """Implements `boatyard_serverless.ports.BuildService`. `run`, `write` and `end` act as the service's containers."""

    def __init__(self) -> None:
        self._executions: dict[str, Execution] = {}
        self._builds: dict[str, str] = {}
        self._logs: dict[str, list[str]] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self.failure: BoatyardError | Unsure | None = None
        """While it is set, `start` raises it."""
        self.stopped: list[str] = []

    def start(self, build_id: str, *, timeout_seconds: int) -> str:
        with self._lock:
            if self.failure is not None:
                raise self.failure
            execution = f"execution-{next(self._numbers)}"
            self._executions[execution] = Execution("waiting")
            self._builds[build_id] = execution
            return execution

    def look(self, execution: str) -> Execution | None:
        with self._lock:
            return self._executions.get(execution)

    def stop(self, execution: str) -> None:
        with self._lock:
            self.stopped.append(execution)
            if self._executions[execution].state in ("waiting", "running"):
                self._executions[execution] = Execution("stopped")

    def log(self, execution: str, cursor: str) -> RawLog | None:
        if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) <= _LONGEST_CURSOR):
            raise invalid(f"{cursor[:40]!r} was not issued here", field="cursor")
        with self._lock:
            lines = self._logs.get(execution)
            if lines is None:
                return None
            start = int(cursor or 0)
            if start > len(lines):
                raise invalid("this cursor is no longer valid; begin with an empty one", field="cursor")
            end = min(start + _LINES_A_PAGE, len(lines))
            return RawLog(tuple(lines[start:end]), str(end))

    def execution(self, build_id: str) -> str:
        """The id of a build's newest execution."""
        with self._lock:
            return self._builds[build_id]

    def run(self, build_id: str) -> None:
        self._become(build_id, Execution("running"))

    def write(self, build_id: str, *lines: str) -> None:
        with self._lock:
            self._logs.setdefault(self._builds[build_id], []).extend(lines)

    def end(self, build_id: str, state: Literal["stopped", "timed_out", "ended"] = "ended", reason: str = "") -> None:
        self._become(build_id, Execution(state, reason))

    def forget(self, build_id: str) -> None:
        with self._lock:
            del self._executions[self._builds[build_id]]

    def _become(self, build_id: str, execution: Execution) -> None:
        with self._lock:
            self._executions[self._builds[build_id]] = execution
