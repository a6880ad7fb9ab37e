"""Runs programs that end with the job: at its cancellation, and when it is killed."""

import contextlib
import marshal
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Final

import msgspec

import boatyard_layers
from boatyard_layers.sandbox import landlock, seccomp

_TICK_SECONDS: Final = 0.2
_SCRIPT: Final = "import sys; sys.path.insert(0, sys.argv[1]); from boatyard_layers.sandbox.enter import main; main()"
_CODE: Final = str(Path(boatyard_layers.__file__).resolve().parent.parent)
_PASSED: Final = ("LD_LIBRARY_PATH",)
"""Variables that this Python itself may need. The program does not get them."""


class Confined(msgspec.Struct, frozen=True, kw_only=True):
    """What a program of an image may do: compute, and write to what was opened for it."""

    readable: tuple[str, ...]
    """It reads and runs only what is below these folders."""
    strict: bool
    """It does not run where the kernel lacks a part of the sandbox."""
    output: int
    """Bytes that it may write into a file."""
    seconds: int
    """Of a processor."""
    memory: int = 3 * 1024**3
    """Bytes of addresses."""


def can_confine() -> bool:
    """Whether this kernel has Landlock and seccomp."""
    return landlock.version() > 0 and seccomp.available()


class Program:
    """A program that runs."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def wait(self, seconds: float, check: Callable[[], None] = lambda: None) -> int:
        """The exit code. Raises TimeoutError, and what `check` raises, which is called a few times a second."""
        deadline = time.monotonic() + seconds
        while not self._ended():
            check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"a program took more than {seconds:g} seconds")
        return self._process.wait()

    def _ended(self) -> bool:
        try:
            place = os.pidfd_open(self._process.pid)
        except (AttributeError, OSError):
            # No such call here, or no such process anymore.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_TICK_SECONDS)
            return self._process.poll() is not None
        try:
            select.select([place], [], [], _TICK_SECONDS)
        finally:
            os.close(place)
        return self._process.poll() is not None


@contextlib.contextmanager
def running(
    words: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    stdin: "IO[bytes] | None" = None,
    stdout: "IO[bytes] | None" = None,
    stderr: "IO[bytes] | None" = None,
    confined: Confined | None = None,
) -> Iterator[Program]:
    """Starts a program, and ends it and the processes that it started when the body is left. Raises OSError.

    It gets the variables of `environment` and no others. The thread that starts it must live as long.
    """
    order = {
        "words": list(words),
        "environment": dict(environment),
        "parent": os.getpid(),
        "confined": msgspec.to_builtins(confined),
    }
    # Through a pipe: the arguments of a process can be read by others, and the variables may have credentials.
    reads, writes = os.pipe()
    with os.fdopen(writes, "wb") as pipe:
        try:
            process = subprocess.Popen(
                # -B: a limit of the size of files would truncate the byte code of what `enter` imports after it.
                [sys.executable, "-I", "-S", "-B", "-c", _SCRIPT, _CODE, str(reads)],
                env={name: os.environ[name] for name in _PASSED if name in os.environ},
                cwd=folder,
                umask=0o022,
                stdin=stdin or subprocess.DEVNULL,
                stdout=stdout or subprocess.DEVNULL,
                stderr=stderr or subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=(reads,),
            )
        finally:
            os.close(reads)
        try:
            pipe.write(marshal.dumps(order))
            pipe.close()
            yield Program(process)
        finally:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
