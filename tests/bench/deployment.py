"""The Boatyard that `make bench` measures: its own server on the engine of `make test`."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from boatyard.settings import Settings
from boatyard_client.client import Client
from boatyard_local.settings import load_settings
from boatyard_local.state import StateFolder
from tests.flyte.probe import Docker

CONFIG = Path(__file__).parent.parent.parent / ".boatyard" / "boatyard.toml"
BASE = "python:3.11-slim-bookworm"


@contextmanager
def deployment() -> Iterator[tuple[Settings, Client]]:
    settings = load_settings(CONFIG, {})
    with _server() as (url, state):
        os.environ |= {"BOATYARD_URL": url, "BOATYARD_TOKEN_FILE": str(StateFolder(state).token)}
        with Client() as client:
            yield settings, client


def docker_of(settings: Settings) -> Docker:
    env = dict(os.environ)
    env.update(DOCKER_HOST=settings.buildkit.docker_host, DOCKER_CONFIG=settings.buildkit.docker_config)
    return Docker(command=(settings.buildkit.docker,), env={name: value for name, value in env.items() if value})


@contextmanager
def _server() -> Iterator[tuple[str, Path]]:
    with tempfile.TemporaryDirectory(prefix="boatyard-bench-") as state:
        command = [sys.executable, "-m", "boatyard_local", "serve", "--state", state, "--config", str(CONFIG)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            try:
                yield process.stdout.readline().decode().strip(), Path(state)
            finally:
                process.terminate()
