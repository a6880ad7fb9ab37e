"""Logs and counts each request and event, in the cloud's own form."""

import logging
from typing import Any, Final

from boatyard.api.http import Request, Response
from boatyard.errors import BoatyardError
from boatyard_serverless.ports import Telemetry

_LONGEST_PATH: Final = 200
_LONGEST_PROBLEM: Final = 1000
_SERVER_ERROR: Final = 500
_RESERVED: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
"""`logging` raises KeyError for a field with one of these names."""


def report_answer(telemetry: Telemetry, request: Request | None, response: Response, *, seconds: float) -> None:
    """Logs an answered request. Of the bodies, it logs only the problem of an error answer."""
    write = telemetry.error if response.status >= _SERVER_ERROR else telemetry.info
    is_problem = "problem" in response.headers.get("content-type", "")
    write(
        "answered",
        method=request.method if request else None,
        path=request.path[:_LONGEST_PATH] if request else None,
        caller=request.caller if request else None,
        status=response.status,
        milliseconds=round(seconds * 1000, 1),
        problem=response.body.decode()[:_LONGEST_PROBLEM] if is_problem else None,
    )
    telemetry.count(f"Answers{response.status // 100}xx")
    telemetry.milliseconds("AnswerTime", seconds * 1000)


def report_refusal(telemetry: Telemetry, what: str, error: BoatyardError, **extra: Any) -> None:
    """Logs a refused event with its reason."""
    telemetry.error(what, code=error.code, detail=error.detail, retryable=error.meaning.retryable, **extra)
    telemetry.count("EventsRefused")


def loggable(extra: dict[str, Any]) -> dict[str, Any]:
    """The fields under names that `logging` accepts as `extra`."""
    return {f"{name}_" if name in _RESERVED else name: value for name, value in extra.items()}
