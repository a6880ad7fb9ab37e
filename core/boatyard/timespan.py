"""Compares times that different machines recorded."""


def lasts(since: float, now: float, seconds: float) -> bool:
    """Whether the span of `seconds` after `since` still lasts at `now`; both are seconds since 1970.

    The two times may come from clocks that differ by seconds, and a clock may be set by days. So a start in the future
    only counts within `seconds` of now: at worst the span is twice as long, and never waits for a clock to catch up.
    """
    return -seconds < now - since < seconds
