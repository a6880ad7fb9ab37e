"""Runs a program that ends when its job ends, however the job ends."""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import IO, Final

from boatyard_layers.sandbox.parent import end_with

_READ: Final = 256 * 1024
_GRACE_SECONDS: Final = 5.0
_TICK_SECONDS: Final = 0.2


def run_child(
    command: list[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    output: Callable[[bytes], None],
    tick: Callable[[], None],
) -> int:
    """Runs the program to its end and returns its exit code (negative for a signal).

    `output` receives stdout and stderr together, in pieces. `tick` is called a few times a second. If it raises, the
    program and all its children are ended first.
    """
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(environment),
        cwd=folder,
        start_new_session=True,
        preexec_fn=partial(end_with, os.getpid()),
        bufsize=0,
    )
    assert child.stdout is not None  # noqa: S101 - PIPE above
    try:
        _follow(child, child.stdout, output, tick)
        return child.wait()
    finally:
        _end(child)
        child.stdout.close()


def _follow(
    child: subprocess.Popen[bytes], stream: IO[bytes], output: Callable[[bytes], None], tick: Callable[[], None]
) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while True:
            if selector.select(_TICK_SECONDS):
                data = os.read(stream.fileno(), _READ)
                if not data:
                    return
                output(data)
            elif child.poll() is not None:
                return  # a child process still holds the pipe
            tick()


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ends the program: SIGTERM first, so that BuildKit stops; the whole group, because docker starts buildx."""
    for number, seconds in ((signal.SIGTERM, _GRACE_SECONDS), (signal.SIGKILL, 1.0)):
        if child.poll() is None:
            _signal_group(child, number)
            deadline = time.monotonic() + seconds
            while child.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
    _signal_group(child, signal.SIGKILL)


def _signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)
