"""Lines as Application Insights gets them, through the platform's own handler."""

import logging
import threading

import pytest

from boatyard_azure.telemetry import InsightsTelemetry
from tests.azure.logs import Lines

TRACE = "65011637f09e0a5179677a7429456db7"
INVOCATION = "5fc1a0e5-7a57-4b02-a8a5-4a46ae2ba5b6"


def test_a_line_has_a_severity_a_message_and_what_was_given(lines: Lines) -> None:
    telemetry = InsightsTelemetry()
    telemetry.info("answered", status=200, caller=None)
    telemetry.error("refused\nwith a second line", severity="INFO", odd=object)
    first, second = lines()
    assert first == {"severity": "INFO", "message": "answered", "status": 200, "caller": None}
    assert (second["severity"], second["message"]) == ("ERROR", "refused\nwith a second line")


def test_lines_of_an_invocation_name_it_and_its_trace(lines: Lines) -> None:
    telemetry = InsightsTelemetry()
    with telemetry.request(INVOCATION, f"00-{TRACE}-0e423ee9ea9e3a3c-01"):
        telemetry.info("within")
    telemetry.info("behind")
    within, behind = lines()
    assert (within["invocation"], within["trace"]) == (INVOCATION, TRACE)
    assert not {"invocation", "trace"} & behind.keys()


@pytest.mark.parametrize("text", ["x" * 10_000, f"00-{TRACE}", '1"\n{"severity": "CRITICAL"}', "../../etc", "%s"])
def test_what_is_no_trace_is_not_repeated(lines: Lines, text: str) -> None:
    telemetry = InsightsTelemetry()
    with telemetry.request(f"{text}\n", text):
        telemetry.info("x")
    assert lines() == [{"severity": "INFO", "message": "x"}]


def test_counts_of_an_invocation_are_one_line_at_its_end(lines: Lines) -> None:
    telemetry = InsightsTelemetry()
    with pytest.raises(RuntimeError), telemetry.request():
        telemetry.count("Messages")
        telemetry.count("Messages", 2)
        telemetry.milliseconds("AnswerTime", 1.23456)
        telemetry.info("done")
        raise RuntimeError
    done, metrics = lines()
    assert done["message"] == "done"
    assert metrics == {"severity": "INFO", "message": "metrics", "metrics": {"Messages": 3, "AnswerTime": 1.235}}


def test_invocations_at_the_same_time_do_not_mix(lines: Lines) -> None:
    telemetry = InsightsTelemetry()
    both = threading.Barrier(2)

    def serve(number: int) -> None:
        with telemetry.request(str(number)):
            both.wait(10)
            telemetry.count("Messages", number)
            both.wait(10)

    threads = [threading.Thread(target=serve, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {line["invocation"]: line["metrics"]["Messages"] for line in lines()} == {"1": 1, "2": 2}


def test_a_line_reaches_the_platforms_handler_once_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    InsightsTelemetry()
    InsightsTelemetry().info("x", secret=None)
    assert capsys.readouterr().out == ""
    assert logging.getLogger("boatyard.lines").handlers == []
