"""Manages processes that outlive the command, and never mistakes a reused pid for one of them."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

_LONGEST_LOG: Final = 5 * 1024**2

# The child writes its own line of /proc before it executes the program, so it never runs without a record, even if this
# process is killed.
_RECORD_AND_EXEC: Final = 'cat "/proc/$$/stat" >"$0" && exec "$@"'


class Process(NamedTuple):
    pid: int
    started: int
    """Clock ticks after boot (proc(5), stat field 22): with the pid, unique while the machine is up."""


class Daemon(NamedTuple):
    """A long-running program, identified by its record and by the folder of its binary."""

    name: str
    record: Path
    binaries: Path
    """Only a process whose executable is below this folder can be the daemon."""

    def running(self) -> Process | None:
        try:
            process = parse_stat(self.record.read_text())
        except (OSError, ValueError):
            return None
        return process if is_running(process, self.binaries) else None

    def start(self, arguments: Sequence[str | Path], *, env: Mapping[str, str], log: Path) -> None:
        """Starts the program in its own session, so that Ctrl-C in the terminal does not reach it."""
        self.record.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        log.parent.mkdir(parents=True, exist_ok=True)
        mode = "ab" if log.exists() and log.stat().st_size < _LONGEST_LOG else "wb"
        self.record.unlink(missing_ok=True)
        with log.open(mode) as output:
            subprocess.Popen(
                ["/bin/sh", "-c", _RECORD_AND_EXEC, str(self.record), *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(env),
                cwd="/",
                start_new_session=True,
            )

    def stop(self, patience: float = 20.0) -> bool:
        """Sends TERM, then KILL after `patience` seconds. Returns False if it was not running."""
        process = self.running()
        if process is not None:
            end(process, self.binaries, patience)
        self.record.unlink(missing_ok=True)
        return process is not None


def parse_stat(line: str) -> Process:
    """Parses `pid (command) state …` of proc(5). The command may contain spaces and brackets, so it ends at the last
    one."""
    head, bracket, rest = line.rpartition(")")
    fields = rest.split()
    if not bracket or len(fields) < 20:
        raise ValueError("not a line of /proc/PID/stat")
    return Process(int(head.split(" ", 1)[0]), int(fields[19]))


def is_running(process: Process, binaries: Path) -> bool:
    """Whether exactly this process is alive and its command names a file below `binaries`.

    Reads the command line instead of /proc/PID/exe: between its record and its exec, the child is still /bin/sh, with
    the program's path among its arguments.
    """
    try:
        stat = Path(f"/proc/{process.pid}/stat").read_text()
        command = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        alive = parse_stat(stat) == process and _state(stat) != "Z"
    except (OSError, ValueError):
        return False
    return alive and f"{binaries}/".encode() in command


def _state(stat: str) -> str:
    return stat.rpartition(")")[2].split()[0]


def end(process: Process, binaries: Path, patience: float) -> None:
    """Sends signals only while the pid certainly belongs to the process."""
    for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 10.0)):
        if not is_running(process, binaries):
            return
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not is_running(process, binaries):
                return
            time.sleep(0.05)
