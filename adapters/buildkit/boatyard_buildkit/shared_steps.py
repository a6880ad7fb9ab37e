"""Recognises a solve that failed because of another build, although nothing of its own failed.

Where builds run side by side, or a build starts while an equal one is being cancelled, BuildKit merges the steps that
they share. If the other build's client goes away then (the build was cancelled, or its job was killed), this build can
end with an error of BuildKit's own scheduling. Seen with BuildKit 0.13: about one build in forty, while others are
killed all the time. What was built is in BuildKit's cache, so a second solve costs little; a forced build, which uses
no cache, starts again from its first step.
"""

import re
from typing import Final

from boatyard_buildkit.follow import Ended, cancelled

MOST_SOLVES: Final = 4
"""How often one job asks before it gives up, because others may go on being cancelled."""

# moby/buildkit: session/group.go and session/grpc.go (the session of the other client is asked); solver/scheduler.go
# and solver/jobs.go (#3628, #4733: "return leaving outgoing open"; #2303: "inconsistent graph state").
_DISTURBED: Final = re.compile(
    r"no active sessions?\b|only one connection allowed|buildkit scheduler error\b|inconsistent graph state"
)


def disturbed(ended: Ended) -> bool:
    """Whether to solve again.

    False if our own client was killed, and if a command ended with an exit code. A command that BuildKit itself
    cancelled also has one; nobody cancelled it here, because our own stop ends the client first.
    """
    if ended.exit_code <= 0:
        return False
    if cancelled(ended.error):
        return True
    return "exit code:" not in ended.error and bool(_DISTURBED.search(ended.error))
