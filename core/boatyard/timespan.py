"""Spans of time between moments that different machines wrote down."""


def lasts(since: float, now: float, seconds: float) -> bool:
    """Whether `seconds` since the moment `since` are not over at `now`, both in seconds since 1970.

    The two may be of clocks that differ by seconds, and a clock may be set by days. So a beginning that lies in the
    future counts only within `seconds` of now: at worst the span is twice as long, and never waits for a clock to
    catch up.
    """
    return -seconds < now - since < seconds
