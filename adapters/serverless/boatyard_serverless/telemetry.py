"""What is logged and counted of each request and event, in whatever form the cloud has for it."""

from typing import Any, Final

from boatyard.api.http import Request, Response
from boatyard.errors import BoatyardError
from boatyard_serverless.ports import Telemetry

_LONGEST_PATH: Final = 200
_LONGEST_PROBLEM: Final = 1000
_SERVER_ERROR: Final = 500


def report_answer(telemetry: Telemetry, request: Request | None, response: Response, *, seconds: float) -> None:
    """Bodies are not logged, but for the problem that an answer says."""
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
    """An event that came to nothing, and why."""
    telemetry.error(what, code=error.code, detail=error.detail, retryable=error.meaning.retryable, **extra)
    telemetry.count("EventsRefused")
