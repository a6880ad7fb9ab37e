"""Decides whether a request joins a build or starts one. Every runner calls this under its lock."""

import msgspec

from boatyard.build import Build, State
from boatyard.timespan import lasts


class Join(msgspec.Struct, frozen=True):
    """Answer with the latest build, which runs, or failed a short time ago."""

    build: Build


class Start(msgspec.Struct, frozen=True):
    attempt: int


def decide(latest: Build | None, *, now: float, hold_seconds: float, force: bool) -> Join | Start:
    """Decides what an `ensure` does, given the latest build of the same tag.

    It joins a build under way, even with `force`: two builds of one key would push one tag, in no order. A failure that
    the user has to fix answers for `hold_seconds`, so that a thousand retries start one build. After any other end it
    starts the next attempt, also after a success, because the registry no longer has the image.
    """
    if latest is None:
        return Start(1)
    if not latest.state.ended:
        return Join(latest)
    held = latest.state in (State.FAILED, State.TIMED_OUT) and lasts(latest.finished_at or 0, now, hold_seconds)
    if held and not force:
        return Join(latest)
    return Start(latest.attempt + 1)
