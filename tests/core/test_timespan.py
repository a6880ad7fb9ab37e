import pytest

from boatyard.timespan import lasts


@pytest.mark.parametrize(
    ("passed", "expected"), [(0, True), (9, True), (10, False), (1e6, False), (-9, True), (-10, False), (-1e6, False)]
)
def test_it_lasts_as_long_as_it_says_and_never_until_a_clock_has_caught_up(passed: float, expected: bool) -> None:
    assert lasts(1_000_000, 1_000_000 + passed, 10) is expected
