"""Pauses between retries."""

from itertools import islice

from boatyard.backoff import growing


def test_pauses_grow_up_to_the_longest() -> None:
    assert list(islice(growing(0.25, 5.0), 7)) == [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    assert list(islice(growing(2.0, 8.0, factor=1.5), 5)) == [2.0, 3.0, 4.5, 6.75, 8.0]


def test_no_pause_is_longer_than_the_longest() -> None:
    assert list(islice(growing(9.0, 5.0), 2)) == [5.0, 5.0]
