"""The contract suite of BuildService: what every build service does, including a real one.

`test_build_service_played` has the cases that need a test which plays the container.
"""

import pytest

from boatyard.errors import BoatyardError
from tests.contract.build_services import LINE, Builds, MemoryBuilds


@pytest.fixture
def builds() -> Builds:
    return MemoryBuilds()


def state(builds: Builds, execution: str) -> str:
    found = builds.service.look(execution)
    return found.state if found else "unknown"


def test_an_execution_is_known_from_its_start_to_its_end(builds: Builds) -> None:
    execution = builds.start()
    assert state(builds, execution) in ("waiting", "running")
    builds.end(execution)
    assert state(builds, execution) == "ended"


def test_a_stop_ends_that_execution_alone_and_is_safe_to_repeat(builds: Builds) -> None:
    execution, other = builds.start(), builds.start()
    assert execution != other
    builds.service.stop(execution)
    builds.service.stop(execution)
    builds.end(execution)
    builds.service.stop(execution)
    assert state(builds, execution) == "stopped" and state(builds, other) != "stopped"
    builds.service.stop(other)


def test_a_stop_after_the_end_changes_nothing(builds: Builds) -> None:
    execution = builds.ended()
    builds.service.stop(execution)
    assert state(builds, execution) == "ended"


def test_an_execution_that_the_service_does_not_know_is_none(builds: Builds) -> None:
    assert builds.service.look(builds.unknown()) is None


def test_a_log_read_from_cursor_to_cursor_has_each_line_once(builds: Builds) -> None:
    execution, lines, cursor = builds.ended(), [], ""
    for _ in range(20):
        page = builds.service.log(execution, cursor)
        assert page is not None
        lines += page.lines
        if cursor == (cursor := page.cursor):
            break
    assert [line.startswith(LINE) for line in lines].count(True) == 1, lines
    again = builds.service.log(execution, cursor)
    assert again is not None and again.lines == ()


@pytest.mark.parametrize("cursor", ["-1", "x", "../../etc", "f/" + "9" * 100, "9" * 5000, "\n", "1;drop"])
def test_a_cursor_of_somebody_else_is_refused(builds: Builds, cursor: str) -> None:
    with pytest.raises(BoatyardError) as refused:
        builds.service.log(builds.ended(), cursor)
    assert refused.value.code == "INVALID_SPEC" and refused.value.field == "cursor"
