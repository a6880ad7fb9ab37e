"""The contract suite of BuildService. A driver plays the service's container with `run`, `write` and `end`."""

from typing import Protocol

import pytest

from boatyard.errors import BoatyardError
from boatyard_serverless.memory import MemoryBuildService
from boatyard_serverless.ports import BuildService

ID = "0" * 32 + "-1"


class Driver(Protocol):
    service: BuildService

    def run(self, build_id: str) -> None: ...
    def write(self, build_id: str, *lines: str) -> None: ...
    def end(self, build_id: str, state: str, reason: str = "") -> None: ...
    def forget(self, build_id: str) -> None: ...


class MemoryDriver:
    def __init__(self) -> None:
        self.service = made = MemoryBuildService()
        self.run, self.write, self.end, self.forget = made.run, made.write, made.end, made.forget


@pytest.fixture
def it() -> Driver:
    return MemoryDriver()  # type: ignore[return-value]


def state(it: Driver, execution: str) -> str:
    found = it.service.look(execution)
    return found.state if found else "unknown"


def test_an_execution_waits_runs_and_ends(it: Driver) -> None:
    execution = it.service.start(ID, timeout_seconds=600)
    assert state(it, execution) == "waiting"
    it.run(ID)
    assert state(it, execution) == "running"
    it.end(ID, "ended", "unable to pull the image")
    found = it.service.look(execution)
    assert found and found.state == "ended" and "unable to pull the image" in found.reason


@pytest.mark.parametrize("end", ["stopped", "timed_out"])
def test_how_it_ended_is_told(it: Driver, end: str) -> None:
    execution = it.service.start(ID, timeout_seconds=600)
    it.run(ID)
    it.end(ID, end)
    assert state(it, execution) == end


def test_a_stop_is_safe_to_repeat_and_after_the_end(it: Driver) -> None:
    execution = it.service.start(ID, timeout_seconds=600)
    it.service.stop(execution)
    it.service.stop(execution)
    assert state(it, execution) == "stopped"
    other = it.service.start("1" * 32 + "-1", timeout_seconds=600)
    it.run("1" * 32 + "-1")
    it.end("1" * 32 + "-1", "ended")
    it.service.stop(other)
    assert state(it, other) == "ended"


def test_one_that_is_gone_is_not_known(it: Driver) -> None:
    execution = it.service.start(ID, timeout_seconds=600)
    it.forget(ID)
    assert it.service.look(execution) is None


def test_a_log_is_read_on_from_a_cursor(it: Driver) -> None:
    execution = it.service.start(ID, timeout_seconds=600)
    assert it.service.log(execution, "") is None
    it.run(ID)
    it.write(ID, "one", "two")
    first = it.service.log(execution, "")
    assert first and first.lines == ("one", "two")
    again = it.service.log(execution, first.cursor)
    assert again and again.lines == ()
    it.write(ID, "three")
    more = it.service.log(execution, again.cursor)
    assert more and more.lines == ("three",)


@pytest.mark.parametrize("cursor", ["-1", "x", "../../etc", "f/" + "9" * 100, "9" * 5000, "\n", "1;drop"])
def test_a_cursor_that_was_not_given_out_is_refused(it: Driver, cursor: str) -> None:
    execution = it.service.start(ID, timeout_seconds=600)
    it.run(ID)
    it.write(ID, "one")
    with pytest.raises(BoatyardError) as refused:
        it.service.log(execution, cursor)
    assert refused.value.code == "INVALID_SPEC" and refused.value.field == "cursor"
