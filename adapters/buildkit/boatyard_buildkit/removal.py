"""Removes a tree of any depth and any permissions, and nothing outside of it.

Before Python 3.13, `shutil.rmtree` recurses for each level, and a path of thousands of levels is longer than the kernel
accepts. This module first moves every folder up beside the top, so that there is only one level. That also keeps out of
mounts, because a mount point cannot be moved (rename(2), EBUSY).
"""

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PASSES: Final = 3
"""Number of passes: a later pass finds files that another process adds meanwhile."""


def remove(path: Path) -> bool:
    """Removes `path` and returns whether nothing is left. Skips what it cannot remove; never raises OSError."""
    for _ in range(_PASSES):
        with suppress(OSError):
            if stat.S_ISDIR(path.lstat().st_mode):
                _empty(path)
                path.rmdir()
            else:
                path.unlink()
        if not os.path.lexists(path):
            return True
    return False


def _empty(path: Path) -> None:
    top = _open(str(path), None)
    try:
        mark = secrets.token_hex(8)
        moved = _clear(top, top, f"{mark}.0")
        number = 0
        while moved:
            name = moved.pop()
            number += 1
            with suppress(OSError):
                folder = _open(name, top)
                try:
                    moved += _clear(folder, top, f"{mark}.{number}")
                finally:
                    os.close(folder)
                os.rmdir(name, dir_fd=top)
    finally:
        os.close(top)


def _clear(folder: int, top: int, mark: str) -> list[str]:
    """Removes the files in `folder` and moves its folders to `top`; returns their new names."""
    with suppress(OSError):
        os.fchmod(folder, 0o700)
    moved: list[str] = []
    with os.scandir(folder) as found:
        entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in found]
    for name, is_folder in entries:
        with suppress(OSError):
            if is_folder:
                target = f"{mark}.{len(moved)}"
                _move(name, folder, target, top)
                moved.append(target)
            else:
                os.unlink(name, dir_fd=folder)
    return moved


def _move(name: str, folder: int, target: str, top: int) -> None:
    try:
        os.rename(name, target, src_dir_fd=folder, dst_dir_fd=top)
    except PermissionError:
        # Moving a folder to another parent writes to it, because its `..` changes.
        os.chmod(name, 0o700, dir_fd=folder)
        os.rename(name, target, src_dir_fd=folder, dst_dir_fd=top)


def _open(name: str, folder: int | None) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=folder)
    except PermissionError:
        os.chmod(name, 0o700, dir_fd=folder)
        return os.open(name, _FOLDER, dir_fd=folder)
