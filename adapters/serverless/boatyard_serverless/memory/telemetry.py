"""Keeps logs and metrics in memory."""

import sys
from typing import Any


class MemoryTelemetry:
    """Implements `boatyard_serverless.ports.Telemetry`."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, bool, dict[str, Any]]] = []
        """(message, whether it is an error, fields)."""
        self.counts: dict[str, float] = {}

    def info(self, message: str, **extra: Any) -> None:
        self.lines.append((message, False, extra))

    def error(self, message: str, **extra: Any) -> None:
        self.lines.append((message, True, extra))

    def exception(self, message: str) -> None:
        self.lines.append((message, True, {"error": repr(sys.exc_info()[1])}))

    def count(self, name: str, value: float = 1) -> None:
        self.counts[name] = self.counts.get(name, 0) + value

    def milliseconds(self, name: str, value: float) -> None:
        self.counts[name] = self.counts.get(name, 0) + value
