"""The decision to join or to start a build, from the latest build and a clock that may be another machine's."""

import msgspec
import pytest

from boatyard.attempts import Join, Start, decide
from boatyard.build import Build, State

NOW = 1_800_000_000.0
DAY = 86_400.0
FAILED = Build(
    id="0" * 32 + "-3",
    key="k",
    attempt=3,
    target="t",
    project="p",
    domain="d",
    platforms=("linux/amd64",),
    state=State.FAILED,
    created_at=NOW - 100,
    finished_at=NOW,
)


def joins(build: Build, *, now: float, force: bool = False) -> bool:
    return isinstance(decide(build, now=now, hold_seconds=60, force=force), Join)


@pytest.mark.parametrize(
    ("age", "held"),
    [(0, True), (59, True), (60, False), (DAY, False), (-5, True), (-59, True), (-61, False), (-DAY, False)],
)
def test_a_failure_is_held_for_a_while_before_and_after_its_end(age: float, held: bool) -> None:
    """An end that is seconds in the future is from another machine's clock. One that is further ahead is from a clock
    that was set, and a hold until that time could last a day."""
    assert joins(FAILED, now=NOW + age) is held
    assert joins(msgspec.structs.replace(FAILED, state=State.TIMED_OUT), now=NOW + age) is held
    assert not joins(FAILED, now=NOW + age, force=True)


def test_what_else_ended_is_started_anew() -> None:
    for state in (State.SUCCEEDED, State.ERRORED, State.CANCELLED):
        decision = decide(msgspec.structs.replace(FAILED, state=state), now=NOW, hold_seconds=60, force=False)
        assert decision == Start(4)
    assert decide(None, now=NOW, hold_seconds=60, force=False) == Start(1)
