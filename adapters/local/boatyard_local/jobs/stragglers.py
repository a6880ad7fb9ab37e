"""Ends children that a killed job left behind: a docker client would continue and push its image."""

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Final

from boatyard_local.state import BuildFolder

MARK: Final = "BOATYARD_BUILD_FOLDER"
"""Set for every job and inherited by its children, so it identifies them with certainty.

Linux shows the variables with which a process started. So a process on standby that took the job over (`standby`) is
identified by the job's lock, which it has open. Another program that reads the folder may have it open, too.
"""
_STANDBY: Final = b"boatyard_buildkit.standby"

_PROC: Final = Path("/proc")


def end(folder: BuildFolder, leader: int | None) -> None:
    """Kills the remaining processes of the job in `folder`, whose process `leader` has ended."""
    if (_PROC / "self/environ").exists():
        for pid in _belonging(folder):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
    elif leader is not None and not exists(leader):
        # Without /proc: a process group outlives its leader, and neither's number is reused while the group exists
        # (POSIX, fork). So a process with this number belongs to the job.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)


def belongs(folder: BuildFolder, pid: int) -> bool:
    """Whether the process belongs to the job in `folder`; also True if unknown (no /proc)."""
    if not (_PROC / "self/environ").exists():
        return True
    mark = os.fsencode(f"{MARK}={folder.path}")
    try:
        return mark in (_PROC / str(pid) / "environ").read_bytes().split(b"\0") or _took_over(folder, pid)
    except OSError:
        return False


def _took_over(folder: BuildFolder, pid: int) -> bool:
    """Raises OSError."""
    process = _PROC / str(pid)
    if _STANDBY not in (process / "cmdline").read_bytes():
        return False
    return any(_is_same(folder.lock, descriptor) for descriptor in (process / "fd").iterdir())


def _is_same(path: Path, descriptor: Path) -> bool:
    try:
        return descriptor.samefile(path)
    except OSError:
        return False  # closed meanwhile, or the folder is gone


def _belonging(folder: BuildFolder) -> list[int]:
    pids = (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())
    return [pid for pid in pids if pid != os.getpid() and belongs(folder, pid)]


def exists(pid: int) -> bool:
    """Whether a process has this number now."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
