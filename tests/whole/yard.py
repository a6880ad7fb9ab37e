"""A complete Boatyard on the engine of `make test`: a server as users start it, called over HTTP."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from boatyard.api.messages import OrderRequest
from boatyard.build import Build
from boatyard.context import Context
from boatyard.settings import Settings
from boatyard.spec import parse_spec
from boatyard_client.auth import BearerToken
from boatyard_client.client import Client
from boatyard_client.errors import BuildFailedError
from boatyard_client.packing import Packer, context_paths
from boatyard_local.settings import load_settings
from boatyard_local.state import StateFolder
from tests.flyte.probe import Docker

ROOT = Path(__file__).parent.parent.parent
CONFIG = ROOT / ".boatyard" / "boatyard.toml"
BASE = {"baseImage": "python:3.11-slim", "pythonVersion": "3.11"}


class Yard:
    """One server. `overrides` are settings by their variables' names, such as LIMITS__DISK_BYTES."""

    def __init__(self, state: Path, **overrides: str) -> None:
        assert CONFIG.is_file(), "no engine: run `python -m boatyard_local.engine ensure`, as `make test` does"
        self.state = state
        self._overrides = {f"BOATYARD_{name}": value for name, value in overrides.items()}
        self.settings: Settings = load_settings(CONFIG, self._overrides)

    def start(self) -> None:
        command = [sys.executable, "-m", "boatyard_local", "serve", "--state", str(self.state), "--config", str(CONFIG)]
        self._log = (self.state.parent / f"{self.state.name}.log").open("ab")
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self._log, env={**os.environ, **self._overrides}, text=True
        )
        assert self.process.stdout is not None
        url = self.process.stdout.readline().strip()
        assert url.startswith("http://"), self.log
        self.client = Client(url, auth=BearerToken(StateFolder(self.state).token.read_text))

    def stop(self) -> None:
        self.client.close()
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._log.close()

    @property
    def log(self) -> str:
        return (self.state.parent / f"{self.state.name}.log").read_text(encoding="utf-8")

    @property
    def docker(self) -> Docker:
        env = {**os.environ, "DOCKER_HOST": self.settings.buildkit.docker_host}
        env["DOCKER_CONFIG"] = self.settings.buildkit.docker_config
        return Docker(
            command=(self.settings.buildkit.docker,), env={name: value for name, value in env.items() if value}
        )

    def order(self, spec: dict[str, Any], **fields: Any) -> OrderRequest:
        target = {"name": "whole", **fields.pop("target", {})}
        return msgspec.convert({"spec": spec, "target": target, **fields}, OrderRequest)

    def build(self, *layers: dict[str, Any], files: dict[str, bytes | Path] | None = None, **fields: Any) -> str:
        """Builds an image and returns it by digest. Raises BuildFailedError."""
        spec = {**(fields.pop("base", BASE)), "layers": list(layers)}
        return self.ensure(spec, files=files, **fields)

    def ensure(self, spec: dict[str, Any], *, files: dict[str, bytes | Path] | None = None, **fields: Any) -> str:
        packer = Packer()
        for path, source in (files or {}).items():
            packer.add_bytes(path, source) if isinstance(source, bytes) else packer.add(path, source)
        if packer.empty:
            outcome = self.client.ensure_image(self.order(spec, **fields))
        else:
            contents = packer.read(context_paths(parse_spec(spec)))
            context: Context = fields.pop("context", contents.context)
            outcome = self.client.ensure_image(self.order(spec, context=context, **fields), contents)
        assert outcome.image is not None
        return outcome.image

    def failure(self, *layers: dict[str, Any], **fields: Any) -> Build:
        """Starts a build that must fail, and returns it."""
        try:
            image = self.build(*layers, **fields)
        except BuildFailedError as error:
            return error.build
        raise AssertionError(f"it succeeded: {image}")


@contextmanager
def yard(state: Path, **overrides: str) -> Iterator[Yard]:
    made = Yard(state, **overrides)
    made.start()
    try:
        yield made
    finally:
        made.stop()


def unique() -> dict[str, Any]:
    """A layer that no build had before, so that the following layers are really built."""
    return {"env": {"envVariables": {"UNIQUE": str(time.time_ns())}}}
