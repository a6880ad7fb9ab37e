"""Join or start? The decision that every runner takes under its lock."""

import msgspec

from boatyard.build import Build, State
from boatyard.timespan import lasts


class Join(msgspec.Struct, frozen=True):
    """Answer with the build there is: it runs, or it failed a moment ago."""

    build: Build


class Start(msgspec.Struct, frozen=True):
    attempt: int


def decide(latest: Build | None, *, now: float, hold_seconds: float, force: bool) -> Join | Start:
    """What an `ensure` means, given the latest build of the same key.

    A build under way is joined, even with `force`: two of one key would push one tag, in no order. A failure
    that is the user's to mend answers for `hold_seconds`, so that a thousand retries start one build. Whatever
    else ended is started anew; a success among them, because the registry said that it is gone.
    """
    if latest is None:
        return Start(1)
    if not latest.state.ended:
        return Join(latest)
    held = latest.state in (State.FAILED, State.TIMED_OUT) and lasts(latest.finished_at or 0, now, hold_seconds)
    if held and not force:
        return Join(latest)
    return Start(latest.attempt + 1)
