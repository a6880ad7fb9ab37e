"""Stores the deployment key in a file that only its owner can read."""

import contextlib
import os
import secrets
import stat
import threading
from pathlib import Path

from boatyard.errors import BoatyardError, Code
from boatyard.realm import KEY_BYTES
from boatyard_local import durable


class FileDeploymentKey:
    """Implements `boatyard.ports.DeploymentKey`. Thread-safe; any number of processes may share the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._key = b""
        self._lock = threading.Lock()

    def read(self) -> bytes:
        """See the port. Reads the file once."""
        with self._lock:
            if not self._key:
                self._key = self._checked(self._read() or self._make())
            return self._key

    def _read(self) -> bytes | None:
        """Returns None if there is no key yet. Raises DATAPLANE_UNAVAILABLE for a file that other users could read or
        write."""
        with durable.refusing(self._path):
            try:
                found = self._path.lstat()
            except FileNotFoundError:
                return None
        if stat.S_ISDIR(found.st_mode):
            raise BoatyardError(Code.DATAPLANE_UNAVAILABLE, f"{self._path} is a folder: move it away")
        key = durable.read_private(self._path)
        if key is None:
            raise BoatyardError(
                Code.DATAPLANE_UNAVAILABLE,
                f"{self._path} is no secret: it is no ordinary file of this user's, or others can read it, as when it "
                "came with a checkout. If you put it there, make it a file of yours with mode 0600. Or remove it: a "
                "new one is made then, and every image is built again",
            )
        return key

    def _make(self) -> bytes | None:
        """Creates the key and returns the file's contents, which another process may have written first."""
        partial = durable.hidden(self._path)
        with durable.refusing(self._path):
            try:
                durable.create(partial, secrets.token_bytes(KEY_BYTES))
                with contextlib.suppress(FileExistsError):
                    os.link(partial, self._path)  # unlike a rename, a link never replaces a file
                durable.sync_folder(self._path.parent)
            finally:
                partial.unlink(missing_ok=True)
        return self._read()

    def _checked(self, key: bytes | None) -> bytes:
        """Checks the key. A damaged one is not replaced, because every image would get a new key and be rebuilt."""
        if key is not None and len(key) == KEY_BYTES:
            return key
        raise BoatyardError(
            Code.DATAPLANE_UNAVAILABLE,
            f"{self._path} is damaged: it has {len(key or b'')} bytes, not {KEY_BYTES}. Restore it from a copy. Or "
            "remove it: a new one is made then, and every image is built again",
        )
