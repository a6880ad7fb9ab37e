"""Removes what nobody needs any more, beside the work of those who have no time to wait for it."""

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
"""Something is mounted there: it is not ours to remove."""


class Removals:
    """One folder, in which everything is to be removed. It has to be on the file system of what is discarded.

    A rename takes something out of the way at once, whatever is in it; a thread removes it then. What it cannot
    remove (another's mount, an immutable file) stays there, is logged once, and is tried again every ten minutes.
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
        """What is left is for the next server."""
        self._closed = True
        self._news.set()

    def discard(self, path: Path) -> bool:
        """True if nothing is left at `path`, which is so when this returns. Never raises OSError."""
        try:
            self._move(path)
        except OSError as error:
            # There may be no room for another name, or `path` may only be emptied where it is.
            if error.errno in _ELSEWHERE or not remove(path):
                _log.warning("%s cannot be removed: %s", path, (error.strerror or str(error)).lower())
                return False
            return True
        self._news.set()
        return True

    def empty(self) -> bool:
        """Remove all there is now. False if something could not be."""
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
            self._folder.rmdir()  # refused while something is in it
        return not left

    def _move(self, path: Path) -> None:
        name = os.fsencode(path.name)[:_LONGEST_NAME] + b"." + secrets.token_hex(8).encode()
        for _ in range(_TRIES):
            with suppress(FileNotFoundError):  # the folder is there only while something is in it
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
