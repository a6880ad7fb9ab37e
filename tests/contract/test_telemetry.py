"""The contract suite of Telemetry."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import pytest

from boatyard.api.http import Request, Response
from boatyard.errors import BoatyardError
from boatyard_serverless.memory import MemoryTelemetry
from boatyard_serverless.ports import Telemetry
from boatyard_serverless.telemetry import report_answer, report_refusal


class Line(NamedTuple):
    message: str
    is_error: bool
    fields: dict[str, Any]
    """What the line has besides; a cloud adds its own."""


class Driver(Protocol):
    telemetry: Telemetry

    def lines(self) -> list[Line]:
        """The lines that were logged since the last call."""
        ...

    def metrics(self) -> dict[str, float]:
        """Sums since the last call."""
        ...


class MemoryDriver:
    def __init__(self) -> None:
        self.telemetry = MemoryTelemetry()

    def lines(self) -> list[Line]:
        found = [Line(message, is_error, fields) for message, is_error, fields in self.telemetry.lines]
        self.telemetry.lines.clear()
        return found

    def metrics(self) -> dict[str, float]:
        found = dict(self.telemetry.counts)
        self.telemetry.counts.clear()
        return found


@pytest.fixture
def driver() -> Driver:
    return MemoryDriver()


def test_a_line_has_its_message_its_severity_and_what_it_was_given(driver: Driver) -> None:
    driver.telemetry.info("started", key="k", count=3)
    driver.telemetry.error("refused", detail="why")
    started, refused = driver.lines()
    assert (started.message, started.is_error) == ("started", False)
    assert started.fields["key"] == "k" and started.fields["count"] == 3
    assert (refused.message, refused.is_error, refused.fields["detail"]) == ("refused", True, "why")


@pytest.mark.parametrize("message", ["two\nlines", "a\rb", "%s %d", "\x1b[31m", "ü \U0001f6a2"])
def test_a_message_is_one_line_and_stays_what_it_is(driver: Driver, message: str) -> None:
    driver.telemetry.error(message, detail=message)
    (line,) = driver.lines()
    assert line.message == message and line.fields["detail"] == message


NAMES = ("name", "args", "msg", "level", "levelname", "severity", "timestamp", "module", "exc_info", "status")


@pytest.mark.parametrize("name", NAMES)
def test_no_field_is_refused_for_its_name(driver: Driver, name: str) -> None:
    """Logging libraries reserve some names: the line is written nevertheless."""
    driver.telemetry.error("refused", **{name: "given"})
    (line,) = driver.lines()
    assert (line.message, line.is_error) == ("refused", True)


def test_a_value_that_is_no_json_is_logged_all_the_same(driver: Driver) -> None:
    driver.telemetry.info("odd", value=object(), other=b"\xff")
    (line,) = driver.lines()
    assert line.message == "odd"


def test_an_exception_is_logged_with_its_type_and_words(driver: Driver) -> None:
    try:
        raise ZeroDivisionError("by nothing")
    except ZeroDivisionError:
        driver.telemetry.exception("failed")
    (line,) = driver.lines()
    assert (line.message, line.is_error) == ("failed", True)
    assert "ZeroDivisionError" in str(line.fields) and "by nothing" in str(line.fields)


def test_counts_and_times_add_up(driver: Driver) -> None:
    driver.telemetry.count("Builds")
    driver.telemetry.count("Builds", 2)
    driver.telemetry.milliseconds("AnswerTime", 12.5)
    assert driver.metrics() == {"Builds": 3, "AnswerTime": 12.5}
    assert driver.metrics() == {}


ANSWERS: list[tuple[int, bool]] = [(200, False), (404, False), (503, True)]


@pytest.mark.parametrize(("status", "is_error"), ANSWERS)
def test_an_answer_is_one_line_and_one_metric(driver: Driver, status: int, is_error: bool) -> None:
    request = Request(method="POST", path="/v1/builds" + "x" * 5000, caller="ada", body=b"s3cr3t")
    body = json.dumps({"code": "X"}).encode()
    kind = "application/problem+json" if status >= 400 else "application/json"
    response = Response(status=status, headers={"content-type": kind}, body=body)
    report_answer(driver.telemetry, request, response, seconds=0.25)
    (line,) = driver.lines()
    assert (line.message, line.is_error, line.fields["status"]) == ("answered", is_error, status)
    assert line.fields["caller"] == "ada" and len(line.fields["path"]) <= 200
    assert "s3cr3t" not in str(line)
    assert bool(line.fields.get("problem")) is (status >= 400)
    assert driver.metrics() == {f"Answers{status // 100}xx": 1, "AnswerTime": 250}


@pytest.mark.parametrize("source", ["queue", "two\nlines"])
def test_a_refused_event_is_an_error_with_its_reason(driver: Driver, source: str) -> None:
    report_refusal(driver.telemetry, "event refused", BoatyardError("INVALID_SPEC", "no layers"), source=source)
    (line,) = driver.lines()
    assert line.is_error and line.fields["code"] == "INVALID_SPEC" and line.fields["source"] == source
    assert driver.metrics() == {"EventsRefused": 1}


Drain = Callable[[], list[dict[str, Any]]]
"""Documents on standard output since the last call."""


@pytest.fixture
def drain(capsys: pytest.CaptureFixture[str]) -> Drain:
    capsys.readouterr()
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]
