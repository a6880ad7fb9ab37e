"""The contract suite of Clock."""

import pytest

from boatyard.memory import ManualClock
from boatyard.ports import Clock
from boatyard_local.clock import SystemClock


@pytest.fixture(params=[ManualClock, SystemClock])
def clock(request: pytest.FixtureRequest) -> Clock:
    made: Clock = request.param()
    return made


def test_it_counts_seconds_of_this_century(clock: Clock) -> None:
    assert 1_600_000_000 < clock.now() < 4_000_000_000


def test_sleep_lets_time_pass_on_both_clocks(clock: Clock) -> None:
    before, begun = clock.now(), clock.monotonic()
    clock.sleep(0.02)
    assert 0.019 <= clock.now() - before < 5
    assert 0.019 <= clock.monotonic() - begun < 5
    clock.sleep(0)


def test_time_does_not_go_back(clock: Clock) -> None:
    with pytest.raises(ValueError, match="non-negative"):
        clock.sleep(-1)
    moments = [clock.monotonic() for _ in range(100)]
    assert moments == sorted(moments)


def test_setting_the_clock_is_no_passing_of_time() -> None:
    clock = ManualClock()
    begun = clock.monotonic()
    clock.set(clock.now() - 86_400)
    assert clock.monotonic() == begun
