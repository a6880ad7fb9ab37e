"""Limits the total size of context archives: removes the least recently requested first.

An archive can be uploaded again, so an unused one may be removed; one that a build needs stays.
"""

import logging
import os
import re
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

from boatyard.errors import BoatyardError, Code

_log = logging.getLogger(__name__)
_NAME: Final = re.compile(r"([0-9a-f]{64})\.tar\.gz\Z")


def make_room(folder: Path, size: int, limit: int, keep: Collection[str]) -> None:
    """Makes room for `size` more bytes within `limit`; 0 means no limit. Builds read the archives in `keep` (sha256).

    Raises DISK_FULL, and removes nothing, if removing all others does not make enough room.
    """
    if not limit:
        return
    archives = _archives(folder)
    kept = sum(found.st_size for sha256, found in archives if sha256 in keep)
    if kept + size > limit:
        raise BoatyardError(
            Code.DISK_FULL,
            f"builds that wait or run read contexts of {kept:,} bytes; {size:,} more are beyond the {limit:,} of "
            "limits.contextStoreBytes",
        )
    total = sum(found.st_size for _, found in archives) + size
    for sha256, found in sorted(archives, key=lambda archive: archive[1].st_mtime):
        if total <= limit:
            return
        if sha256 not in keep:
            with suppress(OSError):
                (folder / f"{sha256}.tar.gz").unlink()
                total -= found.st_size
                _log.info("the context %s makes room for another", sha256)


def _archives(folder: Path) -> list[tuple[str, os.stat_result]]:
    archives = []
    for path in folder.iterdir():
        if found := _NAME.match(path.name):
            with suppress(OSError):
                archives.append((found[1], path.lstat()))
    return archives
