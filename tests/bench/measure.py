"""Alternating runs, and their statistics."""

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import msgspec


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison. Times in seconds."""

    what: str
    own: tuple[float, ...]
    ours: tuple[float, ...]

    @property
    def medians(self) -> tuple[float, float]:
        return statistics.median(self.own), statistics.median(self.ours)

    @property
    def ratio(self) -> float:
        """Above 1, Boatyard is that many times as fast."""
        own, ours = self.medians
        return own / ours


def timed(run: Callable[[], object]) -> float:
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def compare(
    what: str,
    runs: int,
    own: Callable[[int], object],
    ours: Callable[[int], object],
    before: Callable[[], object] = int,
) -> Row:
    """Runs both sides in turn, and swaps their order in every run. `before` is not timed."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(runs):
        for side in (0, 1) if number % 2 == 0 else (1, 0):
            before()
            times[side].append(timed(lambda side=side, number=number: (own, ours)[side](number)))  # type: ignore[misc]
    return Row(what=what, own=tuple(times[0]), ours=tuple(times[1]))


def rate(ask: Callable[[], object], *, threads: int, requests: int) -> float:
    """Requests per second, with `threads` callers that send `requests` in total."""
    tickets = count()

    def caller() -> None:
        while next(tickets) < requests:
            ask()

    begin = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(caller) for _ in range(threads)]:
            done.result()
    return requests / (time.perf_counter() - begin)
