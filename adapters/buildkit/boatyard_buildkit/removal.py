"""Removes a tree of any depth and any permissions, and nothing outside of it.

`shutil.rmtree` calls itself for each level before Python 3.13, and a path of thousands of levels is longer than the
kernel takes. Here every folder that is met is first moved up beside its top: there is one level, however deep it was.
That also keeps out of mounts, because a folder that something is mounted on cannot be moved (rename(2), EBUSY).
"""

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PASSES: Final = 3
"""What another process adds meanwhile is found by the next pass."""


def remove(path: Path) -> bool:
    """True if nothing is left at `path`. What cannot be removed stays, and all around it goes; never raises OSError."""
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
    """Removes what is in `folder` but for folders: these are in `top` afterwards, under the names returned."""
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
        # A folder is written to when it gets another parent: its `..` changes.
        os.chmod(name, 0o700, dir_fd=folder)
        os.rename(name, target, src_dir_fd=folder, dst_dir_fd=top)


def _open(name: str, folder: int | None) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=folder)
    except PermissionError:
        os.chmod(name, 0o700, dir_fd=folder)
        return os.open(name, _FOLDER, dir_fd=folder)
