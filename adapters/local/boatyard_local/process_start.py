"""When a process started: with its pid, that names it for as long as the machine is up."""

import subprocess
import sys
from pathlib import Path


def process_start(pid: int) -> str | None:
    """An opaque text, equal for one process at all times; None if no such process runs."""
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        # proc(5): the command in brackets may hold anything, so the fields are counted from its end.
        state, *fields = stat.rpartition(")")[2].split()
        return None if state == "Z" else fields[18]
    told = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return told.stdout.strip() or None
