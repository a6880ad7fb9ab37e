"""A solve that ended because BuildKit lost its session with us, although nothing of ours ended.

Where builds run side by side and share steps, BuildKit merges those steps, and asks one build's client for what
another build needs. If that client goes (its build was cancelled, or its job killed), the other build can end
with an error of the session: seen with BuildKit 0.13 for about one build in forty, when builds beside it are
killed all the time. What was built is in BuildKit's cache by then, so to solve again costs little; but a forced
build, which uses no cache, begins anew.
"""

import re
from typing import Final

from boatyard_buildkit.follow import Ended

MOST_SOLVES: Final = 4
"""How often one job asks before it gives up: others may go on cancelling."""

# session/group.go and session/grpc.go of moby/buildkit.
_LOST: Final = re.compile(r"no active sessions?\b|only one connection allowed")


def lost_session(ended: Ended) -> bool:
    """Whether to solve again. False if our own client was killed, or if a command of the user's ended with a code."""
    return ended.exit_code > 0 and "exit code:" not in ended.error and bool(_LOST.search(ended.error))
