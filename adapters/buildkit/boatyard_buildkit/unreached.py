"""Waits for a BuildKit that cannot be reached: one that is drained, restarts, or starts beside the job.

buildctl lists a buildkitd's workers before it sends anything. If that fails, nothing has begun, so a retry costs
nothing. A failed handshake is retried for a shorter time: renewed certificates reach both sides' pods within about two
minutes, and wrong ones never match.
"""

import time
from collections.abc import Callable
from typing import Final

from boatyard.backoff import growing
from boatyard_buildkit.follow import Ended
from boatyard_buildkit.log import LogFile
from boatyard_buildkit.progress import ProgressFile

TLS_SECONDS: Final = 180.0
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 5.0
_SAID_EVERY: Final = 60.0


def when_reached(
    solve: Callable[[], Ended],
    seconds: float,
    progress: ProgressFile,
    log: LogFile,
    *,
    now: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Ended:
    """The result of `solve` once BuildKit answers, or after `seconds` at the latest."""
    begun, pauses, said = now(), growing(_FIRST_PAUSE, _LONGEST_PAUSE), float("-inf")
    while True:
        ended = solve()
        why, most = _unreached(ended, seconds)
        left = most - (now() - begun)
        if not why or left <= 0:
            return ended
        progress.wait_for(f"BuildKit cannot be reached: {why}")
        if now() - said >= _SAID_EVERY:
            log.write(f"BuildKit cannot be reached ({why}): waiting for it, for {left:.0f} s at most")
            said = now()
        pause(min(next(pauses), left))


def _unreached(ended: Ended, seconds: float) -> tuple[str, float]:
    """Why BuildKit was not reached, empty if it was, and how many seconds to wait for it."""
    if ended.exit_code <= 0 or ended.vertex or seconds <= 0:
        return "", 0
    from boatyard_buildkit.explain.solver import never_reached  # 20 ms of regular expressions, for failures only

    why, handshake = never_reached(ended)
    return why, min(seconds, TLS_SECONDS) if handshake else seconds
