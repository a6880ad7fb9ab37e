"""Releases mounts and ends chroots of killed commands, because their folders cannot be removed before."""

import os
import shutil
import signal
import time
from pathlib import Path

from boatyard_local.engine.command import ask
from boatyard_local.engine.model import EngineError


def remove(path: Path) -> None:
    """Removes a folder tree after releasing its mounts and chroots."""
    _end_chrooted(path)
    release(path)
    # rm -rf on a tree with a mount would delete the mounted files (/proc, /sys, /dev).
    if left := mounted_below(path):
        raise EngineError(f"{left[0]} is still mounted: unmount it, then try again")
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def release(path: Path) -> None:
    """Unmounts everything at or below `path`, as far as permissions allow."""
    for point in mounted_below(path):
        ask(["umount", "--lazy", "--no-mtab", point])


def mounted_below(path: Path) -> list[str]:
    """Mount points at or below `path`, the deepest first. Empty without /proc (macOS)."""
    try:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return []
    return points_below(str(path), lines)


def points_below(path: str, lines: list[str]) -> list[str]:
    """Parses field 5 of each line of mountinfo (proc(5)), which escapes space, tab, newline and backslash as octal."""
    points = [_unescape(line.split(" ")[4]) for line in lines if line.count(" ") > 4]
    return sorted((p for p in points if p == path or p.startswith(f"{path}/")), key=len, reverse=True)


def _unescape(text: str) -> str:
    for octal, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(octal, character)
    return text


def _end_chrooted(path: Path) -> None:
    """Kills processes in a chroot below `path`, which only a killed debootstrap of this project leaves there."""
    for _ in range(20):
        found = [pid for pid in _pids() if _root_of(pid).startswith(f"{path}/") or _root_of(pid) == str(path)]
        if not found:
            return
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.1)


def _pids() -> list[int]:
    proc = Path("/proc")
    return [int(entry.name) for entry in proc.iterdir() if entry.name.isdigit()] if proc.is_dir() else []


def _root_of(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/root")  # noqa: PTH115 - must not be resolved in our own root
    except OSError:
        return ""
