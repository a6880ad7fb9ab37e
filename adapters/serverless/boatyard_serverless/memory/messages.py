"""An in-memory queue and its dead letters."""

from collections.abc import Iterable
from typing import Any

import msgspec

from boatyard.errors import BoatyardError, Code


class MemoryWorkQueue:
    """Implements `boatyard_serverless.ports.WorkQueue`."""

    def __init__(self, *, longest_delay_seconds: int = 900) -> None:
        self.longest_delay_seconds = longest_delay_seconds
        self.failure: BoatyardError | None = None
        self.messages: list[tuple[Any, int]] = []
        """(decoded JSON body, delay in seconds), oldest first."""

    def __bool__(self) -> bool:
        return True

    def put(self, messages: Iterable[msgspec.Struct], *, delay_seconds: int = 0) -> None:
        if self.failure is not None:
            raise self.failure
        if delay_seconds > self.longest_delay_seconds:
            raise BoatyardError(Code.DATAPLANE_UNAVAILABLE, f"the queue holds no message back for {delay_seconds} s")
        self.messages += [(msgspec.to_builtins(message), delay_seconds) for message in messages]

    def take(self) -> list[Any]:
        """Removes and returns all bodies."""
        bodies = [body for body, _ in self.messages]
        self.messages.clear()
        return bodies


class MemoryDeadLetters:
    """Implements `boatyard_serverless.ports.DeadLetters`."""

    def __init__(self, *, takes: bool = True) -> None:
        self.takes = takes
        self.kept: list[tuple[Any, str, str]] = []
        """(body, code, source)."""

    def keep(self, body: Any, error: BoatyardError, *, source: str) -> bool:
        if self.takes:
            self.kept.append((body, error.code, source))
        return self.takes
