"""Runs other programs so that none outlives this process: neither after an error, nor Ctrl-C, nor kill -9."""

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from boatyard_local.engine.model import EngineError

_TAIL: Final = 3


class ChildProcesses:
    """Child processes that `cancel` ends together.

    Each child has its own session: Ctrl-C reaches only this process, which ends the child with all its descendants.
    `setpriv --pdeathsig` (util-linux, essential on Debian) handles SIGKILL of this process.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._cancelled = False
        setpriv = shutil.which("setpriv")
        self._prefix = [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []

    def run(
        self,
        arguments: Sequence[str | Path],
        *,
        what: str,
        log: str,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float = 900,
    ) -> None:
        """Runs a program with its output in `log`. Raises EngineError with the log's last lines if it fails."""
        self._logs.mkdir(parents=True, exist_ok=True)
        path = self._logs / f"{log}.log"
        argv = [*self._prefix, *map(str, arguments)]
        with path.open("wb") as output:
            with self._lock:
                if self._cancelled:
                    raise EngineError(f"{what}: cancelled")
                child = subprocess.Popen(
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=None if env is None else dict(env),
                    cwd=cwd,
                    start_new_session=True,
                )
                self._running.add(child)
            try:
                code = child.wait(timeout)
            except subprocess.TimeoutExpired:
                raise EngineError(f"{what} took longer than {timeout:.0f} s; see {path}") from None
            finally:
                _end(child)
                with self._lock:
                    self._running.discard(child)
        if code != 0:
            raise EngineError(f"{what} failed: {tail(path)} (all of it: {path})")

    def cancel(self) -> None:
        """Ends all running children, and starts no more."""
        with self._lock:
            self._cancelled = True
            running = list(self._running)
        for child in running:
            _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Sends TERM, then KILL, to the child's process group, unless the child has ended."""
    if child.poll() is not None:
        return
    for number, patience in ((signal.SIGTERM, 2.0), (signal.SIGKILL, 10.0)):
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            break
        try:
            child.wait(patience)
            break
        except subprocess.TimeoutExpired:
            continue


def ask(
    arguments: Sequence[str | Path], *, env: Mapping[str, str] | None = None, timeout: float = 30
) -> subprocess.CompletedProcess[str] | None:
    """Runs a short command and returns its result; None if the program is missing or does not answer."""
    try:
        return subprocess.run(
            [str(argument) for argument in arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env=None if env is None else dict(env),
            timeout=timeout,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None


def tail(path: Path) -> str:
    """The last lines of a log, joined into one line."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return "no output"
    kept = [line.strip() for line in lines if line.strip()][-_TAIL:]
    return " / ".join(kept) or "no output"
