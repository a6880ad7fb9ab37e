"""Finds, identifies and stops the server of a state folder."""

import fcntl
import hashlib
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from boatyard.settings import Settings
from boatyard_buildkit.removal import remove
from boatyard_local import durable
from boatyard_local.locks import is_held
from boatyard_local.state import StateFolder
from boatyard_local.state_file import read

_PACKAGES = (
    "boatyard",
    "boatyard_buildkit",
    "boatyard_connect",
    "boatyard_layers",  # a process on standby has imported it, too
    "boatyard_local",
    "boatyard_registry",
)
_CLAIM_SECONDS: Final = 1.0
_CLAIM_PAUSE_SECONDS: Final = 0.005


class ServerInfo(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """server.json."""

    url: str
    pid: int
    started: str
    """`process_start` of the pid."""
    version: str
    """`fingerprint` of the code and settings that it runs with."""


class AlreadyServed(Exception):
    """Another server uses the state folder."""


@contextmanager
def claim(state: StateFolder) -> Iterator[None]:
    """Locks the state folder for this process. Raises AlreadyServed if another process has it."""
    durable.make_folder(state.path)
    for path in state.remade:
        _make_way(path, stat.S_ISREG)
    for path in (state.builds, state.contexts, state.secrets):
        _make_way(path, _is_folder_or_link)
    if not state.gitignore.exists():
        durable.write(state.gitignore, b"# Made by `boatyard serve`; secrets are in here.\n*\n")
    descriptor = os.open(state.server_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not _lock(descriptor):
            info = read(state.server, ServerInfo)
            where = f" (pid {info.pid}, {info.url})" if info else ""
            raise AlreadyServed(f"a server already runs on {state.path}{where}") from None
        state.server.unlink(missing_ok=True)  # left by a killed server
        yield
    finally:
        os.close(descriptor)


def _make_way(path: Path, fits: Callable[[int], bool]) -> None:
    """Removes a path of another type in the place of a file or a folder, which could be neither read nor
    overwritten."""
    try:
        if not fits(path.lstat().st_mode):
            remove(path)
    except FileNotFoundError:
        return


def _is_folder_or_link(mode: int) -> bool:
    """An operator may link it to another disk. If that disk is missing, the server must not start with an empty
    folder."""
    return stat.S_ISDIR(mode) or stat.S_ISLNK(mode)


def _lock(descriptor: int) -> bool:
    """Returns False if another process keeps the lock. Tests (`locks.is_held`) only hold it for an instant."""
    deadline = time.monotonic() + _CLAIM_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
        time.sleep(_CLAIM_PAUSE_SECONDS)


@contextmanager
def announced(state: StateFolder, url: str, version: str) -> Iterator[ServerInfo]:
    """Keeps server.json while the block runs. Use it inside `claim`."""
    started = process_start(os.getpid()) or ""
    info = ServerInfo(url=url, pid=os.getpid(), started=started, version=version)
    durable.write(state.server, msgspec.json.encode(info))
    try:
        yield info
    finally:
        state.server.unlink(missing_ok=True)


def find(state: StateFolder) -> ServerInfo | None:
    """The server that currently runs on the state folder, once it accepts requests."""
    info = read(state.server, ServerInfo)
    return info if info is not None and is_held(state.server_lock) and _is_alive(info) else None


def stop(state_dir: Path, *, patience: float = 10.0) -> bool:
    """Stops the server of a state folder; its jobs continue. Returns False without a server.

    A reused pid is never signalled: the lock must be held, and the process must have started at the time in
    server.json.
    """
    state = StateFolder(Path(state_dir))
    info = find(state)
    deadline = time.monotonic() + patience
    while info is None and is_held(state.server_lock) and time.monotonic() < deadline:
        time.sleep(0.05)  # the server is just starting, or ending
        info = find(state)
    if info is None:
        return False
    for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, patience)):
        if not _is_alive(info):
            break
        try:
            os.kill(info.pid, number)
        except ProcessLookupError:
            break
        # It releases the lock a moment before it ends, and until then it may still read its own code.
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and _is_alive(info):
            time.sleep(0.02)
    return True


def fingerprint(settings: Settings) -> str:
    """Identifies the code and the settings: a server with another fingerprint may answer differently."""
    seen = hashlib.sha256(f"{sys.executable} {sys.version}".encode())
    for package in _PACKAGES:
        module = sys.modules.get(package) or __import__(package)
        for root in sorted(module.__path__):
            for path in sorted(Path(root).rglob("*.py")):
                stat = path.stat()
                seen.update(f"{path} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    seen.update(msgspec.json.encode(settings, order="sorted"))
    return seen.hexdigest()[:32]


def _is_alive(info: ServerInfo) -> bool:
    return process_start(info.pid) == info.started


def process_start(pid: int) -> str | None:
    """When a process started. With its pid, this identifies it until the next reboot.

    An opaque text, constant for each process; None if there is no such process.
    """
    if sys.platform == "linux":
        try:
            line = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        # proc(5): the command in brackets may contain any characters, so fields are counted from its end.
        state, *fields = line.rpartition(")")[2].split()
        return None if state == "Z" else fields[18]
    listed = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, start = listed.stdout.strip().partition(" ")
    return None if state.startswith("Z") else start.strip() or None
