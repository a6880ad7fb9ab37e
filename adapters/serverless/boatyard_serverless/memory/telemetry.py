"""Logs and metrics in memory."""

import sys
from typing import Any

from boatyard.api.http import Request, Response
from boatyard.errors import BoatyardError


class MemoryTelemetry:
    """Implements `boatyard_serverless.ports.Telemetry`."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []
        self.counts: dict[str, float] = {}

    def info(self, message: str, **extra: Any) -> None:
        self.lines.append((message, extra))

    def exception(self, message: str) -> None:
        self.lines.append((message, {"error": repr(sys.exception())}))

    def count(self, name: str, value: float = 1) -> None:
        self.counts[name] = self.counts.get(name, 0) + value

    def answered(self, request: Request | None, response: Response, *, seconds: float) -> None:
        self.info("answered", path=request.path if request else None, status=response.status)

    def refused(self, what: str, error: BoatyardError, **extra: Any) -> None:
        self.lines.append((what, {"code": error.code, "detail": error.detail, **extra}))
        self.count("EventsRefused")
