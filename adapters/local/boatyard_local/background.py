"""Starts a server in the background, and replaces a server with other code or settings."""

import subprocess
import time
from pathlib import Path
from typing import Final, Literal, NamedTuple
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from boatyard_local import server_process
from boatyard_local.jobs.log_page import text_tail
from boatyard_local.module_argv import module_argv
from boatyard_local.server_process import ServerInfo
from boatyard_local.serving import ServeError
from boatyard_local.settings import load_settings
from boatyard_local.state import StateFolder

_START_SECONDS: Final = 30.0
_LONGEST_LOG: Final = 5 * 1024**2


class Running(NamedTuple):
    server: ServerInfo
    how: Literal["running", "started", "restarted"]


def ensure_server(state_dir: Path, *, config: Path | None = None, beneath: Path | None = None) -> Running:
    """Returns a running server with the current code and settings. Builds survive a restart.

    Raises ServeError or SettingsError, whose text is one line.
    """
    state = StateFolder(state_dir.absolute())
    version = server_process.fingerprint(load_settings(config, beneath=beneath))
    found = server_process.find(state)
    if found is not None and found.version == version and _answers(found):
        return Running(found, "running")
    port = 0
    if found is not None:
        port = urlsplit(found.url).port or 0  # reused, so that clients can keep its URL
        server_process.stop(state.path)
    options = [option for option in (("--config", config), ("--beneath", beneath)) if option[1]]
    arguments = [str(word) for name, path in options if path for word in (name, path.absolute())]
    try:
        server = _start(state, [*arguments, "--port", str(port)])
    except ServeError:
        if not port:
            raise
        server = _start(state, arguments)
    return Running(server, "restarted" if found else "started")


def _start(state: StateFolder, arguments: list[str]) -> ServerInfo:
    state.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = state.server_log
    if log.is_symlink():  # a checkout may contain such a link, so its target is not overwritten
        log.unlink()
    mode = "ab" if log.exists() and log.stat().st_size < _LONGEST_LOG else "wb"
    with log.open(mode) as output:
        log.chmod(0o600)
        child = subprocess.Popen(
            [*module_argv("boatyard_local"), "serve", "--state", str(state.path), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            start_new_session=True,
        )
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        ended = child.poll() is not None
        # A server that another process has started meanwhile is as good.
        if (found := server_process.find(state)) and _answers(found):
            return found
        if ended:
            raise ServeError(f"the server did not start: {_reason(log)}")
        time.sleep(0.05)
    child.kill()
    raise ServeError(f"the server did not answer within {_START_SECONDS:.0f} s; see {log}")


def _reason(log: Path) -> str:
    lines = text_tail(log, 1)
    return lines[0].removeprefix("boatyard: ") if lines else f"see {log}"


def _answers(server: ServerInfo) -> bool:
    try:
        with urlopen(f"{server.url}/healthz", timeout=3) as answer:  # noqa: S310 - our own loopback URL
            return bool(answer.status == 200)
    except (URLError, OSError, ValueError):
        return False
