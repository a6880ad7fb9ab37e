"""No project uses the whole capacity for builds."""

from collections import Counter

import pytest

from boatyard.errors import BoatyardError
from boatyard.ports import Scope
from boatyard.settings import Limits
from boatyard.shares import admit, may_hold, next_to_run, room

OWN = Scope("own", "d")


def _may_queue(limits: Limits, *, own: int, everybody: int) -> bool:
    return _refusal(limits, queued=_held(own, everybody)) == ""


def _held(own: int, everybody: int) -> Counter[Scope]:
    return Counter({OWN: own, Scope("others", "d"): everybody - own})


def _refusal(limits: Limits, **held: Counter[Scope]) -> str:
    try:
        admit(OWN, limits, **held)
    except BoatyardError as error:
        assert error.code == "TOO_MANY_BUILDS" and error.retry_after_seconds
        return error.detail
    return ""


def _fill(limits: Limits, *projects: str) -> Counter[str]:
    """Lets projects request builds in turns, until all are refused."""
    held: Counter[str] = Counter()
    while True:
        before = held.total()
        for project in projects:
            if _may_queue(limits, own=held[project], everybody=held.total()):
                held[project] += 1
        if held.total() == before:
            return held


@pytest.mark.parametrize("room", [2, 3, 10, 10_000])
def test_a_project_alone_leaves_room_for_another(room: int) -> None:
    held = _fill(Limits(queued_builds=room), "greedy")
    assert held["greedy"] >= room // 2
    assert _may_queue(Limits(queued_builds=room), own=0, everybody=held.total())


def test_busy_projects_have_equal_shares_and_a_newcomer_still_gets_in() -> None:
    limits = Limits(queued_builds=1000)
    held = _fill(limits, "a", "b", "c")
    assert max(held.values()) - min(held.values()) <= 1
    assert _may_queue(limits, own=0, everybody=held.total())


def test_the_room_itself_is_a_limit() -> None:
    assert _may_queue(Limits(queued_builds=1), own=0, everybody=0)
    assert not _may_queue(Limits(queued_builds=1), own=0, everybody=1)
    assert not _may_queue(Limits(queued_builds=0), own=0, everybody=0)


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


def test_a_refusal_names_the_limit_and_nothing_of_others() -> None:
    limits = Limits(queued_builds=10, queued_builds_per_project=2)
    assert _refusal(limits, queued=_held(2, 5)) == "own/d has 2 builds waiting: limits.queuedBuildsPerProject is 2"
    assert _refusal(limits, queued=_held(0, 10)) == "the queue is full: limits.queuedBuilds is 10"
    shared = Limits(queued_builds=10)
    assert _refusal(shared, queued=_held(5, 5)) == (
        "own/d has 5 builds waiting, which is its share of the 10 of limits.queuedBuilds "
        "while limits.queuedBuildsPerProject is not set"
    )


def test_where_others_start_the_builds_what_a_project_runs_is_held_against_it() -> None:
    limits = Limits(concurrent_builds_per_project=2, queued_builds_per_project=1)
    assert not _refusal(limits, queued=_held(0, 0), unended=_held(2, 2))
    refusal = "own/d has 3 builds that wait or run: limits.concurrentBuildsPerProject is 2"
    assert _refusal(limits, queued=_held(0, 0), unended=_held(3, 3)) == refusal
    assert not _refusal(limits, queued=_held(0, 0)), "a runner that takes turns itself asks for no more"


def test_where_nobody_knows_which_wait_the_room_is_for_both() -> None:
    limits = Limits(concurrent_builds=3, queued_builds=5, queued_builds_per_project=1)
    assert room(limits) == 8
    assert not _refusal(limits, unended=_held(3, 6))
    assert "it may have no more for now" in _refusal(limits, unended=_held(4, 4)), "three that run and one that waits"
    assert "no room for more now" in _refusal(limits, unended=_held(0, 8))
