"""Ends every job of a state folder, before the folder is removed."""

import signal
import time
from pathlib import Path

from boatyard_local.jobs.process import JobProcess, is_locked
from boatyard_local.state import BuildFolder, StateFolder


def halt(state: StateFolder, *, patience: float = 8.0) -> int:
    """Sends SIGTERM to all running jobs, and SIGKILL after `patience` seconds. Returns how many ran.

    Call it only without a running server, which would start queued builds.
    """
    jobs = [JobProcess.adopt(folder) for folder in _folders(state.builds) if is_locked(folder)]
    for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 2.0)):
        for job in jobs:
            job.signal(number)
        deadline = time.monotonic() + seconds
        while any(job.alive() for job in jobs) and time.monotonic() < deadline:
            time.sleep(0.05)
    for job in jobs:
        job.sweep()
    return len(jobs)


def _folders(builds: Path) -> list[BuildFolder]:
    return [BuildFolder(path) for path in builds.iterdir()] if builds.is_dir() else []
