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
from boatyard_local import durable
from boatyard_local.settings import load_settings
from boatyard_local.state import StateFolder
from tests.flyte.probe import Docker

CONFIG = Path(__file__).parent.parent.parent / ".boatyard" / "boatyard.toml"
BASE = "python:3.11-slim-bookworm"


@contextmanager
def deployment() -> Iterator[tuple[Settings, Client]]:
    settings = load_settings(CONFIG, {})
    with server(CONFIG) as (variables, _):
        os.environ |= variables
        with Client() as client:
            yield settings, client


def docker_of(settings: Settings) -> Docker:
    env = dict(os.environ)
    env.update(DOCKER_HOST=settings.buildkit.docker_host, DOCKER_CONFIG=settings.buildkit.docker_config)
    return Docker(command=(settings.buildkit.docker,), env={name: value for name, value in env.items() if value})


@contextmanager
def server(config: Path, key: bytes = b"") -> Iterator[tuple[dict[str, str], int]]:
    """The variables that point a client at a new server, and its process id. `key` is that of an earlier deployment,
    which this server belongs to."""
    with tempfile.TemporaryDirectory(prefix="boatyard-bench-") as state:
        if key:
            durable.create(StateFolder(Path(state)).deployment_key, key)
        command = [sys.executable, "-m", "boatyard_local", "serve", "--state", state, "--config", str(config)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            try:
                url = process.stdout.readline().decode().strip()
                token = str(StateFolder(Path(state)).token)
                yield {"BOATYARD_URL": url, "BOATYARD_TOKEN_FILE": token}, process.pid
            finally:
                process.terminate()
