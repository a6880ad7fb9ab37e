"""What every Clock does."""

import pytest

from boatyard.memory import ManualClock
from boatyard.ports import Clock
from boatyard_local.clock import ServingClock, SystemClock


@pytest.fixture(params=[ManualClock, SystemClock, ServingClock])
def clock(request: pytest.FixtureRequest) -> Clock:
    made: Clock = request.param()
    return made


def test_it_counts_seconds_of_this_century(clock: Clock) -> None:
    assert 1_600_000_000 < clock.now() < 4_000_000_000


def test_sleep_lets_time_pass(clock: Clock) -> None:
    before = clock.now()
    clock.sleep(0.02)
    assert 0.019 <= clock.now() - before < 5
    clock.sleep(0)


def test_time_does_not_go_back(clock: Clock) -> None:
    with pytest.raises(ValueError, match="non-negative"):
        clock.sleep(-1)
