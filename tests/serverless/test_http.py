"""A request always gets an answer, whichever part fails."""

from typing import Any

import msgspec
import pytest

from boatyard.api import Request
from boatyard.errors import BoatyardError, invalid
from boatyard_serverless.http import serve, unusable
from boatyard_serverless.memory import MemoryTelemetry
from tests.serverless.parts import MemoryParts


def code(body: bytes) -> str:
    return str(msgspec.json.decode(body)["code"])


def request(path: str = "/healthz") -> Request:
    return Request(method="GET", path=path, query={}, headers={}, body=b"")


def test_an_answer_is_the_api_s_and_is_counted() -> None:
    telemetry = MemoryTelemetry()
    answer = serve(request, lambda: MemoryParts().deployment.api, telemetry)
    assert answer.status == 200
    ((line, _, told),) = telemetry.lines
    assert line == "answered" and (told["method"], told["path"], told["status"]) == ("GET", "/healthz", 200)
    assert told["problem"] is None and told["milliseconds"] >= 0
    assert telemetry.counts["Answers2xx"] == 1 and "AnswerTime" in telemetry.counts


def test_what_is_no_request_is_refused() -> None:
    def parse() -> Request:
        raise invalid("the event is none of this edge's")

    answer = serve(parse, lambda: MemoryParts().deployment.api, MemoryTelemetry())
    assert answer.status == 400 and code(answer.body) == "INVALID_SPEC"


@pytest.mark.parametrize("error", [RuntimeError("secret"), RecursionError(), KeyError("x")])
def test_an_unforeseen_error_is_logged_and_not_shown(error: Exception) -> None:
    def api() -> Any:
        raise error

    telemetry = MemoryTelemetry()
    answer = serve(request, api, telemetry)
    assert answer.status == 500 and code(answer.body) == "INTERNAL" and b"secret" not in answer.body
    assert telemetry.lines[0][0] == "unforeseen error"


def test_an_answer_that_the_edge_cannot_carry_is_refused() -> None:
    parts = MemoryParts()
    answer = serve(lambda: request("/openapi.json"), lambda: parts.deployment.api, parts.telemetry, largest_answer=100)
    assert answer.status == 422 and b"smaller page" in answer.body


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RuntimeError("BOATYARD_RUNNER"), 500),
        (BoatyardError("INVALID_SPEC", "BOATYARD_RUNNER"), 500),
        (BoatyardError("DATAPLANE_UNAVAILABLE", "BOATYARD_RUNNER"), 503),
    ],
)
def test_a_misconfigured_function_tells_its_log_and_not_its_callers(
    error: Exception, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = unusable(error)
    assert answer.status == status and b"BOATYARD_RUNNER" not in answer.body
    assert "BOATYARD_RUNNER" in capsys.readouterr().out


def test_the_service_is_kept_between_requests() -> None:
    deployment = MemoryParts().deployment
    assert deployment.api is deployment.api and deployment.service is deployment.service
