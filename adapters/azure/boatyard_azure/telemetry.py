"""Logs and metrics as JSON lines through `logging`, which the platform's worker passes on to Application Insights.

Standard output reaches Application Insights only in part and without a severity
(https://learn.microsoft.com/azure/azure-functions/functions-reference-python#logging). A line is the message of a
trace: `traces | extend line = parse_json(message)`. Counts and times of a request are one line of their own, whose
`message` is "metrics", with a number for each name under `metrics`. Where sampling is on, multiply by the trace's
`itemCount`.
"""

import logging
import re
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import msgspec

LINES: Final = "boatyard.lines"
"""The logger of the lines. It has no handler of its own: the platform's is on the root."""
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?\Z")
_INVOCATION: Final = re.compile(r"[A-Za-z0-9-]{1,64}\Z")
_REQUEST: ContextVar[Mapping[str, Any]] = ContextVar("boatyard_request", default={})  # noqa: B039 - never changed
_METRICS: ContextVar[dict[str, float] | None] = ContextVar("boatyard_metrics", default=None)


class InsightsTelemetry:
    """Implements `boatyard_serverless.ports.Telemetry`. Thread-safe: what belongs to a request is in its context."""

    def __init__(self) -> None:
        self._logger = logging.getLogger(LINES)
        self._logger.setLevel(logging.INFO)

    @contextmanager
    def request(self, invocation: str = "", traceparent: str = "") -> Iterator[None]:
        """What is logged in the body names the invocation and its trace. Its metrics are written at the end."""
        named = _REQUEST.set(_named(invocation, traceparent))
        metrics: dict[str, float] = {}
        kept = _METRICS.set(metrics)
        try:
            yield
        finally:
            if metrics:
                self._write(logging.INFO, "metrics", {"metrics": metrics})
            _METRICS.reset(kept)
            _REQUEST.reset(named)

    def info(self, message: str, **extra: Any) -> None:
        self._write(logging.INFO, message, extra)

    def error(self, message: str, **extra: Any) -> None:
        self._write(logging.ERROR, message, extra)

    def exception(self, message: str) -> None:
        self._write(logging.ERROR, message, {"stack_trace": traceback.format_exc()})

    def count(self, name: str, value: float = 1) -> None:
        self._measure(name, value)

    def milliseconds(self, name: str, value: float) -> None:
        self._measure(name, round(value, 3))

    def _measure(self, name: str, value: float) -> None:
        metrics = _METRICS.get()
        if metrics is None:
            self._write(logging.INFO, "metrics", {"metrics": {name: value}})
            return
        metrics[name] = metrics.get(name, 0) + value

    def _write(self, level: int, message: str, extra: Mapping[str, Any]) -> None:
        severity = logging.getLevelName(level)
        line = {**extra, "severity": severity, "message": message, **_REQUEST.get()}
        self._logger.log(level, "%s", msgspec.json.encode(line, enc_hook=repr).decode())


def _named(invocation: str, traceparent: str) -> Mapping[str, Any]:
    """What anybody may send is checked before it is repeated. `operation_Id` in Application Insights is the trace."""
    named: dict[str, Any] = {}
    if _INVOCATION.match(invocation):
        named["invocation"] = invocation
    if found := _TRACEPARENT.match(traceparent):
        named["trace"] = found[1]
    return named
