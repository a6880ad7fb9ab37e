"""The part of BuildService's contract that needs a container which the test plays, so that no real service runs it."""

import pytest

from tests.contract.build_services import TIMEOUT_SECONDS, MemoryBuilds, PlayedBuilds
from tests.contract.test_build_service import state

ID = "0" * 32 + "-1"


@pytest.fixture
def builds() -> PlayedBuilds:
    return MemoryBuilds()


def start(builds: PlayedBuilds) -> str:
    return builds.service.start(ID, timeout_seconds=TIMEOUT_SECONDS)


def test_an_execution_waits_runs_and_ends_with_the_service_s_reason(builds: PlayedBuilds) -> None:
    execution = start(builds)
    assert state(builds, execution) == "waiting"
    builds.run(ID)
    assert state(builds, execution) == "running"
    builds.finish(ID, "ended", "unable to pull the image")
    found = builds.service.look(execution)
    assert found and found.state == "ended" and "unable to pull the image" in found.reason


@pytest.mark.parametrize("end", ["stopped", "timed_out"])
def test_each_way_to_end_is_a_state_of_its_own(builds: PlayedBuilds, end: str) -> None:
    execution = start(builds)
    builds.run(ID)
    builds.finish(ID, end)
    assert state(builds, execution) == end


def test_a_build_that_waits_can_be_stopped(builds: PlayedBuilds) -> None:
    execution = start(builds)
    builds.service.stop(execution)
    assert state(builds, execution) == "stopped"


def test_a_running_build_s_log_grows_behind_its_cursor(builds: PlayedBuilds) -> None:
    execution = start(builds)
    assert builds.service.log(execution, "") is None
    builds.run(ID)
    builds.write(ID, "one", "two")
    first = builds.service.log(execution, "")
    assert first and first.lines == ("one", "two")
    again = builds.service.log(execution, first.cursor)
    assert again and again.lines == ()
    builds.write(ID, "three")
    more = builds.service.log(execution, again.cursor)
    assert more and more.lines == ("three",)
