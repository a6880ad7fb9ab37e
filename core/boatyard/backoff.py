"""Back-off: pauses that grow. Pure; how long the waiting lasts, and what cuts a pause short, is the caller's."""

from collections.abc import Iterator


def growing(first: float, longest: float, *, factor: float = 2.0) -> Iterator[float]:
    """Seconds without end: `first`, then each `factor` times the one before, at most `longest`."""
    pause = min(first, longest)
    while True:
        yield pause
        pause = min(pause * factor, longest)
