"""Queues builds by project, so that no project waits for all builds of another."""

import threading
from collections import deque
from collections.abc import Mapping

from boatyard.ports import Scope
from boatyard.settings import Limits
from boatyard.shares import next_to_run


class FairQueue:
    """Thread-safe. First in, first out within a project; projects take turns (`boatyard.shares.next_to_run`)."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._waiting: dict[Scope, deque[str]] = {}
        """The most recently served project is the last one."""
        self._lock = threading.Lock()

    def put(self, scope: Scope, build_id: str) -> None:
        with self._lock:
            self._waiting.setdefault(scope, deque()).append(build_id)

    def take(self, running: Mapping[Scope, int]) -> str | None:
        """Removes the next build; None if every waiting project has reached its limit. `running` counts running builds
        by project."""
        with self._lock:
            scope = next_to_run(self._limits, waiting=self._waiting, running=running)
            if scope is None:
                return None
            waiting = self._waiting.pop(scope)
            build_id = waiting.popleft()
            if waiting:
                self._waiting[scope] = waiting
            return build_id
