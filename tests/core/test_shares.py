"""No project takes all of the room for builds."""

from collections import Counter

import pytest

from boatyard.settings import Limits
from boatyard.shares import may_hold, may_queue, next_to_run


def _fill(limits: Limits, *projects: str) -> Counter[str]:
    """Projects that ask in turns, until nobody is let in any more."""
    held: Counter[str] = Counter()
    while True:
        before = held.total()
        for project in projects:
            if may_queue(limits, own=held[project], everybody=held.total()):
                held[project] += 1
        if held.total() == before:
            return held


@pytest.mark.parametrize("room", [2, 3, 10, 10_000])
def test_a_project_alone_leaves_room_for_another(room: int) -> None:
    held = _fill(Limits(queued_builds=room), "greedy")
    assert held["greedy"] >= room // 2
    assert may_queue(Limits(queued_builds=room), own=0, everybody=held.total())


def test_busy_projects_have_equal_shares_and_a_newcomer_still_gets_in() -> None:
    limits = Limits(queued_builds=1000)
    held = _fill(limits, "a", "b", "c")
    assert max(held.values()) - min(held.values()) <= 1
    assert may_queue(limits, own=0, everybody=held.total())


def test_the_room_itself_is_a_limit() -> None:
    assert may_queue(Limits(queued_builds=1), own=0, everybody=0)
    assert not may_queue(Limits(queued_builds=1), own=0, everybody=1)
    assert not may_queue(Limits(queued_builds=0), own=0, everybody=0)


def test_a_share_that_is_set_is_the_limit_instead() -> None:
    assert may_hold(10, 7, own=6, everybody=6) and not may_hold(10, 7, own=7, everybody=7)
    assert not may_hold(10, 20, own=10, everybody=10)


def test_projects_take_turns_at_running() -> None:
    limits = Limits(concurrent_builds=4)
    assert next_to_run(limits, waiting=["many", "one"], running={}) == "many"
    assert next_to_run(limits, waiting=["many", "one"], running={"many": 1}) == "one"
    assert next_to_run(limits, waiting=["many"], running={"many": 3}) == "many", "nobody else wants the place"
    assert next_to_run(limits, waiting=[], running={"many": 1}) is None


def test_a_project_runs_no_more_than_it_may() -> None:
    limits = Limits(concurrent_builds=4, concurrent_builds_per_project=2)
    assert next_to_run(limits, waiting=["many"], running={"many": 2}) is None
    assert next_to_run(limits, waiting=["many", "one"], running={"many": 2, "one": 1}) == "one"
