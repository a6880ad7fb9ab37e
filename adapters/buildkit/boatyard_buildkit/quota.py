"""Limits the disk space of a job's own files."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from boatyard.errors import BoatyardError, Code

_SECONDS_BETWEEN: Final = 1.0


class Quota:
    """Bytes below a folder; 0 is no limit. Raises DISK_FULL beyond it."""

    def __init__(self, folder: Path, limit: int, *, now: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._limit = limit
        self._now = now
        self._checked = float("-inf")
        self._spent = 0

    def spend(self, size: int) -> None:
        """Counts bytes before they are written, so that the limit applies before the disk is full."""
        self._spent += size
        if self._limit and self._spent > self._limit:
            raise self._full()

    def check(self) -> None:
        """Measures the folder, at most once a second."""
        if not self._limit or self._now() - self._checked < _SECONDS_BETWEEN:
            return
        self._checked = self._now()
        if _size(self._folder) > self._limit:
            raise self._full()

    def _full(self) -> BoatyardError:
        return BoatyardError(Code.DISK_FULL, f"the build's files need more than its quota of {self._limit:,} bytes")


def _size(folder: Path) -> int:
    total = 0
    for root, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.lstat(os.path.join(root, name)).st_size  # noqa: PTH118 - half the time of Path
            except FileNotFoundError:
                continue
    return total
