"""Removes discarded files in the background, so that callers need not wait."""

import errno
import logging
import os
import secrets
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from boatyard_buildkit.removal import remove
from boatyard_local import durable

_log = logging.getLogger(__name__)
_AGAIN_SECONDS: Final = 600.0
_LONGEST_NAME: Final = 200
_TRIES: Final = 10
_ELSEWHERE: Final = frozenset({errno.EBUSY, errno.EXDEV})
"""Another file system is mounted there, so it is not removed."""


class Removals:
    """Removes everything that is moved into one folder, which must be on the same file system.

    A rename moves a path out of the way immediately, whatever it contains; then a thread removes it. What it cannot
    remove (another user's mount, an immutable file) stays there, is logged once, and is retried every ten minutes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._news = threading.Event()
        self._closed = False
        self._told: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="boatyard-removals", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """The next server removes the rest."""
        self._closed = True
        self._news.set()

    def discard(self, path: Path) -> bool:
        """Returns True if nothing is left at `path`. Never raises OSError."""
        try:
            self._move(path)
        except OSError as error:
            # There may be no space for a new name, or `path` may be a mount point that can only be emptied.
            if error.errno in _ELSEWHERE or not remove(path):
                _log.warning("%s cannot be removed: %s", path, (error.strerror or str(error)).lower())
                return False
            return True
        self._news.set()
        return True

    def empty(self) -> bool:
        """Removes everything now. Returns False if something could not be removed."""
        left = set()
        for name in _names(self._folder):
            if self._closed:
                return False
            if not remove(self._folder / name):
                left.add(name)
                if name not in self._told:
                    _log.warning("%s cannot be removed; it is tried again from time to time", self._folder / name)
        self._told = left
        with suppress(OSError):
            self._folder.rmdir()  # fails unless it is empty
        return not left

    def _move(self, path: Path) -> None:
        name = os.fsencode(path.name)[:_LONGEST_NAME] + b"." + secrets.token_hex(8).encode()
        for _ in range(_TRIES):
            with suppress(FileNotFoundError):  # the folder exists only while it has contents
                path.rename(self._folder / os.fsdecode(name))
                return
            if not os.path.lexists(path):
                return
            with suppress(FileExistsError):
                self._folder.mkdir(durable.PRIVATE_FOLDER)
        raise OSError(errno.ENOENT, "the folder for it cannot be made")

    def _run(self) -> None:
        while not self._closed:
            self._news.clear()
            try:
                done = self.empty()
            except Exception:
                _log.exception("removing what is not needed any more failed; it is tried again")
                done = False
            if not self._closed:
                self._news.wait(None if done else _AGAIN_SECONDS)


def _names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as found:
            return [entry.name for entry in found]
    except FileNotFoundError:
        return []
