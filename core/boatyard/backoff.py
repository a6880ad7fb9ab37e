"""Growing pauses for retries. The caller decides how long to wait in total, and what ends a pause early."""

from collections.abc import Iterator


def growing(first: float, longest: float, *, factor: float = 2.0) -> Iterator[float]:
    """Yields pauses in seconds: `first`, then each `factor` times the previous one, at most `longest`."""
    pause = min(first, longest)
    while True:
        yield pause
        pause = min(pause * factor, longest)
