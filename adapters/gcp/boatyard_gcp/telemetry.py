"""Writes logs and metrics as JSON lines on standard output, which Cloud Run sends to Cloud Logging.

https://cloud.google.com/logging/docs/structured-logging: `severity`, `message` and the trace have fields of their own,
everything else is in jsonPayload. A request's counts and times are one line, `"message": "metrics"`, with a number for
each name under `metrics`. Log-based metrics read them from there
(https://cloud.google.com/logging/docs/logs-based-metrics), so the function waits for no other API.
"""

import logging
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import msgspec

_LOGGER: Final = "boatyard"
_LOGGERS: Final = (_LOGGER, "boatyard_serverless", "boatyard_gcp")
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?\Z")
_CLOUD_TRACE: Final = re.compile(r"([0-9a-fA-F]{32})(?:/(\d{1,20}))?(?:;o=(\d))?\Z")
_REPORTED: Final = "type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent"
_SEVERITIES: Final[Mapping[int, str]] = {
    logging.DEBUG: "DEBUG",
    logging.INFO: "INFO",
    logging.WARNING: "WARNING",
    logging.ERROR: "ERROR",
    logging.CRITICAL: "CRITICAL",
}
_TRACE: ContextVar[Mapping[str, Any]] = ContextVar("boatyard_trace", default={})  # noqa: B039 - never changed
_METRICS: ContextVar[dict[str, float] | None] = ContextVar("boatyard_metrics", default=None)


class CloudLogging:
    """Implements `boatyard_serverless.ports.Telemetry`. Thread-safe: a request's data is in its context."""

    def __init__(self, project: str) -> None:
        """`project` owns the traces; without it, lines have no trace."""
        self._project = project
        for name in _LOGGERS:
            logger = logging.getLogger(name)
            logger.handlers = [_Lines()]
            logger.propagate = False  # otherwise functions-framework's handler prints it a second time

    @contextmanager
    def request(self, headers: Mapping[str, str]) -> Iterator[None]:
        """Lines that are logged inside belong to the trace of the request with these headers, whose names are in lower
        case. The request's metrics are written at the end."""
        trace = _TRACE.set(_trace_of(headers, self._project))
        metrics: dict[str, float] = {}
        kept = _METRICS.set(metrics)
        try:
            yield
        finally:
            if metrics:
                _write("INFO", "metrics", {"metrics": metrics})
            _METRICS.reset(kept)
            _TRACE.reset(trace)

    def info(self, message: str, **extra: Any) -> None:
        _write("INFO", message, extra)

    def error(self, message: str, **extra: Any) -> None:
        _write("ERROR", message, extra)

    def exception(self, message: str) -> None:
        """Logs the error with the type that Error Reporting looks for."""
        _write("ERROR", message, {"@type": _REPORTED, "stack_trace": traceback.format_exc()})

    def count(self, name: str, value: float = 1) -> None:
        _measure(name, value)

    def milliseconds(self, name: str, value: float) -> None:
        _measure(name, round(value, 3))


class _Lines(logging.Handler):
    """Writes the lines of modules that use `logging` in the same format."""

    def emit(self, record: logging.LogRecord) -> None:
        severity = _SEVERITIES.get(record.levelno, "DEFAULT")
        extra: dict[str, Any] = {"logger": record.name}
        if record.exc_info and record.exc_info[1]:
            extra["stack_trace"] = "".join(traceback.format_exception(record.exc_info[1]))
        _write(severity, record.getMessage(), extra)


def _measure(name: str, value: float) -> None:
    metrics = _METRICS.get()
    if metrics is None:
        _write("INFO", "metrics", {"metrics": {name: value}})
        return
    metrics[name] = metrics.get(name, 0) + value


def _write(severity: str, message: str, extra: Mapping[str, Any]) -> None:
    """Writes a line in one call, so that lines of several threads do not mix."""
    line = {**extra, "severity": severity, "message": message, **_TRACE.get()}
    sys.stdout.write(msgspec.json.encode(line, enc_hook=repr).decode() + "\n")
    sys.stdout.flush()


def _trace_of(headers: Mapping[str, str], project: str) -> Mapping[str, Any]:
    """The trace's fields, from W3C's traceparent or else Google's older header. Anybody may send these headers, so
    their form is checked before they are logged."""
    if found := _TRACEPARENT.match(headers.get("traceparent", "")):
        trace, span, sampled = found[1], found[2], int(found[3], 16) & 1
    elif found := _CLOUD_TRACE.match(headers.get("x-cloud-trace-context", "")):
        trace, span, sampled = found[1].lower(), f"{int(found[2] or 0) & (2**64 - 1):016x}", int(found[3] or 0) & 1
    else:
        return {}
    if not project:
        return {}
    place = "logging.googleapis.com"
    made: dict[str, Any] = {f"{place}/trace": f"projects/{project}/traces/{trace}"}
    if span.strip("0"):
        made[f"{place}/spanId"] = span
    return {**made, f"{place}/trace_sampled": bool(sampled)}
