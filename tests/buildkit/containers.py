"""What containers print."""

import subprocess
from collections.abc import Callable

Done = subprocess.CompletedProcess[str]


def printed_by(run: Callable[[], Done]) -> Done:
    """Runs a container that prints something, and that may run twice.

    On a busy machine, Docker can lose what a short container printed; dockerd then logs "stream copy error: reading
    from a closed fifo".
    """
    done = run()
    return run() if done.returncode == 0 and not done.stdout else done
