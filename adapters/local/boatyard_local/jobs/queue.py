"""Builds that wait for a place, by project: no project waits behind all builds of another."""

import threading
from collections import deque
from collections.abc import Mapping

from boatyard.ports import Scope
from boatyard.settings import Limits
from boatyard.shares import next_to_run


class FairQueue:
    """Thread-safe. In the order of asking within a project; projects take turns (`boatyard.shares.next_to_run`)."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._waiting: dict[Scope, deque[str]] = {}
        """The project that was served last is the last one."""
        self._lock = threading.Lock()

    def put(self, scope: Scope, build_id: str) -> None:
        with self._lock:
            self._waiting.setdefault(scope, deque()).append(build_id)

    def take(self, running: Mapping[Scope, int]) -> str | None:
        """The next build; None if all who wait have what they may have. `running`: builds that run, by project."""
        with self._lock:
            scope = next_to_run(self._limits, waiting=self._waiting, running=running)
            if scope is None:
                return None
            waiting = self._waiting.pop(scope)
            build_id = waiting.popleft()
            if waiting:
                self._waiting[scope] = waiting
            return build_id
