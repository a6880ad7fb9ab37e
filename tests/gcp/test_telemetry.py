"""Log lines in the format that Cloud Logging reads."""

import json
import logging
import threading
from typing import Any

import pytest

from boatyard_gcp.telemetry import CloudLogging

TRACE, SPAN = "65011637f09e0a5179677a7429456db7", "0e423ee9ea9e3a3c"


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_has_a_severity_a_message_and_what_was_given(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = CloudLogging("p")
    telemetry.info("answered", status=200, caller=None)
    telemetry.error("refused\nwith a second line", severity="INFO", odd=object)
    first, second = lines(capsys)
    assert first == {"severity": "INFO", "message": "answered", "status": 200, "caller": None}
    assert (second["severity"], second["message"]) == ("ERROR", "refused\nwith a second line")


@pytest.mark.parametrize(
    ("headers", "span", "sampled"),
    [
        ({"traceparent": f"00-{TRACE}-{SPAN}-01"}, SPAN, True),
        ({"traceparent": f"00-{TRACE}-{SPAN}-00"}, SPAN, False),
        ({"x-cloud-trace-context": f"{TRACE}/1027871334010811884;o=1"}, "0e43b9cd5a4f5dec", True),
        ({"x-cloud-trace-context": TRACE.upper()}, None, False),
        ({"traceparent": f"00-{TRACE}-{SPAN}-01", "x-cloud-trace-context": f"{'0' * 32}/1;o=0"}, SPAN, True),
    ],
)
def test_lines_of_a_request_belong_to_its_trace(
    capsys: pytest.CaptureFixture[str], headers: dict[str, str], span: str | None, sampled: bool
) -> None:
    telemetry = CloudLogging("p")
    with telemetry.request(headers):
        telemetry.info("within")
    telemetry.info("behind")
    within, behind = lines(capsys)
    assert within["logging.googleapis.com/trace"] == f"projects/p/traces/{TRACE}"
    assert within["logging.googleapis.com/trace_sampled"] is sampled
    if span != "0e43b9cd5a4f5dec":
        assert within.get("logging.googleapis.com/spanId") == span
    else:
        assert int(within["logging.googleapis.com/spanId"], 16) == 1027871334010811884
    assert "logging.googleapis.com/trace" not in behind


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"traceparent": "x" * 10_000},
        {"traceparent": f"00-{TRACE}-{SPAN}"},
        {"x-cloud-trace-context": f'{TRACE}/1;o=1\n{{"severity": "EMERGENCY"}}'},
        {"x-cloud-trace-context": "../../etc"},
        {"x-cloud-trace-context": f"{TRACE}/{'9' * 30}"},
    ],
)
def test_what_is_no_trace_is_not_repeated(capsys: pytest.CaptureFixture[str], headers: dict[str, str]) -> None:
    telemetry = CloudLogging("p")
    with telemetry.request(headers):
        telemetry.info("x")
    assert lines(capsys) == [{"severity": "INFO", "message": "x"}]


def test_without_a_project_there_is_no_trace(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = CloudLogging("")
    with telemetry.request({"traceparent": f"00-{TRACE}-{SPAN}-01"}):
        telemetry.info("x")
    assert lines(capsys) == [{"severity": "INFO", "message": "x"}]


def test_counts_of_a_request_are_one_line_at_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = CloudLogging("p")
    with pytest.raises(RuntimeError), telemetry.request({}):
        telemetry.count("Messages")
        telemetry.count("Messages", 2)
        telemetry.milliseconds("AnswerTime", 1.23456)
        telemetry.info("done")
        raise RuntimeError
    telemetry.count("Outside")
    done, metrics, outside = lines(capsys)
    assert done["message"] == "done"
    assert metrics == {"severity": "INFO", "message": "metrics", "metrics": {"Messages": 3, "AnswerTime": 1.235}}
    assert outside["metrics"] == {"Outside": 1}


def test_requests_at_the_same_time_do_not_mix(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = CloudLogging("p")
    both = threading.Barrier(2)

    def serve(number: int) -> None:
        with telemetry.request({"traceparent": f"00-{TRACE[:-1]}{number}-{SPAN}-01"}):
            both.wait(10)
            telemetry.count("Messages", number)
            both.wait(10)

    threads = [threading.Thread(target=serve, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = {line["logging.googleapis.com/trace"][-1]: line["metrics"] for line in lines(capsys)}
    assert seen == {"1": {"Messages": 1}, "2": {"Messages": 2}}


def test_an_exception_is_found_by_error_reporting(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = CloudLogging("p")
    try:
        raise ValueError("broken")
    except ValueError:
        telemetry.exception("unforeseen error")
    (line,) = lines(capsys)
    assert line["@type"].endswith("ReportedErrorEvent") and "ValueError: broken" in line["stack_trace"]
    assert line["severity"] == "ERROR"


def test_modules_that_use_logging_write_the_same_lines_once(capsys: pytest.CaptureFixture[str]) -> None:
    CloudLogging("p")
    CloudLogging("p")
    logging.getLogger("boatyard_serverless.builds.ledger").warning("late by %s", 5)
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("boatyard.api.app").exception("unforeseen")
    first, second = lines(capsys)
    assert first == {
        "severity": "WARNING",
        "message": "late by 5",
        "logger": "boatyard_serverless.builds.ledger",
    }
    assert second["severity"] == "ERROR" and "ValueError: broken" in second["stack_trace"]
