"""A job's process: it survives the server, is found again by its lock, and ends with all its descendants."""

import fcntl
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from boatyard.build import Build
from boatyard_buildkit.removal import remove
from boatyard_local.jobs import stragglers
from boatyard_local.jobs.standby import Inherited, Standby
from boatyard_local.locks import is_held
from boatyard_local.state import BuildFolder
from boatyard_local.state_file import read_bytes

Argv = Callable[[BuildFolder, Build], list[str]]
"""The command line of a build's job."""

# The process writes its own pid before it executes the job, so a running job always has a known process, even if the
# server is killed.
_RECORD_AND_EXEC: Final = 'echo $$ >"$0" && exec "$@"'

_APPEND: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""O_NONBLOCK: a pipe in the file's place is an error instead of a wait."""
_LARGEST_PID: Final = 2**31


class JobProcess:
    """`start` creates a process; `adopt` finds one that an earlier server started."""

    def __init__(self, folder: BuildFolder, child: subprocess.Popen[bytes] | None) -> None:
        self._folder = folder
        self._child = child

    @classmethod
    def start(cls, folder: BuildFolder, argv: list[str], standby: Standby | None = None) -> "JobProcess":
        """Raises OSError. This process takes the lock first, and the child gets it."""
        remove(folder.pid)
        lock = os.open(folder.lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with os.fdopen(os.open(folder.output, _APPEND, 0o600), "ab") as output:
                inherited = Inherited(
                    lock=lock, output=output.fileno(), environment={stragglers.MARK: str(folder.path)}
                )
                child = standby.start(folder, argv, inherited) if standby else None
                return cls(folder, child or _spawn(folder, argv, inherited))
        finally:
            os.close(lock)

    @classmethod
    def adopt(cls, folder: BuildFolder) -> "JobProcess":
        return cls(folder, None)

    @property
    def pid(self) -> int | None:
        """Returns None until the process has written it."""
        return read_pid(self._folder)

    def alive(self) -> bool:
        if self._child is not None:
            return self._child.poll() is None
        # A lock without its process is held by a child that should not have it. The pid alone proves nothing, because
        # it may be reused.
        return is_locked(self._folder) and (self.pid is None or stragglers.exists(self.pid))

    def wait(self) -> None:
        """Blocks until the process ends; call it in its own thread."""
        if self._child is not None:
            self._child.wait()
            return
        with suppress(OSError):
            descriptor = os.open(self._folder.lock, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            finally:
                os.close(descriptor)

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the job's process group, while the group is certainly the job's."""
        if not self.alive():
            return
        pid = self._child.pid if self._child is not None else self.pid
        if pid is not None and (self._child is not None or stragglers.belongs(self._folder, pid)):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, number)

    def sweep(self) -> None:
        """After a killed job, ends its children, which must not push an image any more."""
        stragglers.end(self._folder, self.pid)

    @property
    def exit(self) -> str:
        """How the process ended, if known, for display."""
        code = self._child.poll() if self._child is not None else None
        if code is None:
            return ""
        if code < 0:
            known = {number.value: number.name for number in signal.Signals}
            return f" ({known.get(-code, f'signal {-code}')})"
        return f" (exit code {code})"


def _spawn(folder: BuildFolder, argv: list[str], inherited: Inherited) -> "subprocess.Popen[bytes]":
    """Raises OSError."""
    return subprocess.Popen(
        ["/bin/sh", "-c", _RECORD_AND_EXEC, str(folder.pid), *argv],
        stdin=subprocess.DEVNULL,
        stdout=inherited.output,
        stderr=subprocess.STDOUT,
        cwd=folder.path,
        env={**os.environ, **inherited.environment},
        start_new_session=True,
        # Python closes it again in the job's own children (PEP 446): only the job holds the lock.
        pass_fds=(inherited.lock,),
    )


def read_pid(folder: BuildFolder) -> int | None:
    """Returns None for an incomplete line, and for numbers with a special meaning in kill(2)."""
    text = read_bytes(folder.pid, 32) or b""
    digits = text.removesuffix(b"\n")
    pid = int(digits) if text != digits and digits.isdigit() else 0
    return pid if 1 < pid < _LARGEST_PID else None


def is_locked(folder: BuildFolder) -> bool:
    return is_held(folder.lock)
