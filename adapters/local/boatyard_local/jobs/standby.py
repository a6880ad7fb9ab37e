"""Keeps a process ready for the next job: starting Python and importing takes a third of a job that changes little."""

import socket
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Final, NamedTuple

from boatyard_buildkit.handover import Assignment, send
from boatyard_local.module_argv import module_argv
from boatyard_local.state import BuildFolder

_PROGRAM: Final = module_argv("boatyard_buildkit")
_IDLE_SECONDS: Final = 600.0


class Inherited(NamedTuple):
    """What a job's process has from the one that starts it."""

    lock: int
    """A descriptor; only the job holds it, and not its children."""
    output: int
    """The descriptor of its standard output and error."""
    environment: Mapping[str, str]
    """Variables beside those of this process."""


class _Ready(NamedTuple):
    process: "subprocess.Popen[bytes]"
    socket: socket.socket
    expiry: threading.Timer


class Standby:
    """`prepare` starts a process if none is ready. It ends with this one, and after ten minutes without a job."""

    def __init__(self, idle_seconds: float = _IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._ready: _Ready | None = None
        self._wanted = False
        """Whether the last job runs what it has imported."""
        self._closed = False

    def prepare(self) -> None:
        """Call it after a job, which another may follow. If it is not possible, that one starts its own process."""
        with self._lock:
            if self._closed or not self._wanted or self._ready is not None:
                return
            with suppress(OSError, RuntimeError):  # no more processes, descriptors or threads
                self._ready = self._started()

    def start(self, folder: BuildFolder, argv: Sequence[str], inherited: Inherited) -> "subprocess.Popen[bytes] | None":
        """The process, which now runs the job; None if there was none that could."""
        program, arguments = tuple(argv[: len(_PROGRAM)]), list(argv[len(_PROGRAM) :])
        self._wanted = program == _PROGRAM
        ready = self._take() if self._wanted else None
        if ready is None:
            return None
        assignment = Assignment(
            arguments=arguments,
            folder=str(folder.path),
            pid_file=str(folder.pid),
            environment=dict(inherited.environment),
        )
        try:
            send(assignment, ready.socket, lock=inherited.lock, output=inherited.output)
        except OSError:  # it was killed
            _end(ready)
            return None
        ready.socket.close()
        return ready.process

    def close(self) -> None:
        with self._lock:
            self._closed = True
        self._dismiss()

    def _take(self) -> _Ready | None:
        with self._lock:
            ready, self._ready = self._ready, None
        if ready is not None:
            ready.expiry.cancel()
        return ready

    def _dismiss(self) -> None:
        ready = self._take()
        if ready is not None:
            _end(ready)

    def _started(self) -> _Ready:
        """Raises OSError, and RuntimeError if no thread can be started."""
        own, its = socket.socketpair()
        with its, ExitStack() as undo:
            undo.callback(own.close)  # which ends the process, too
            process = _process(its)
            expiry = threading.Timer(self._idle_seconds, self._dismiss)
            expiry.daemon = True
            expiry.start()
            undo.pop_all()
        return _Ready(process, own, expiry)


def _process(its: socket.socket) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [*module_argv("boatyard_buildkit.standby"), str(its.fileno())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",  # so that it keeps no folder in use
        start_new_session=True,
        pass_fds=(its.fileno(),),
    )


def _end(ready: _Ready) -> None:
    ready.socket.close()
    ready.process.kill()  # it has done nothing yet
    ready.process.wait()
