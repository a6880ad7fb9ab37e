"""Runs functions-framework as Google's buildpack starts it, as a process, with the stand-ins on loopback."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

import httpx

import boatyard_gcp.handler
from tests.ports import free_port

_HANDLER: Final = str(Path(boatyard_gcp.handler.__file__))
_SECONDS: Final = 60.0


class Functions:
    """One function: `target` is api or events. Cloud Run's edge or Eventarc sends its requests to `url`."""

    def __init__(self, target: str, variables: Mapping[str, str], folder: Path, *, source: str = _HANDLER) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._log = folder / f"{target}.log"
        program = str(Path(sys.executable).with_name("functions-framework"))
        chosen = ("--source", source, "--target", target, "--host", "127.0.0.1", "--port", str(port))
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [program, *chosen], env={**os.environ, **variables}, stdout=log, stderr=log, cwd=folder
            )

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL for what runs the function. gunicorn starts another one, as Cloud Run starts another instance."""
        process = self._process.pid
        for worker in Path(f"/proc/{process}/task/{process}/children").read_text().split():
            os.kill(int(worker), signal.SIGKILL)

    def post(self, attributes: Mapping[str, str], data: Any, *, structured: bool = False) -> httpx.Response:
        """Sends a CloudEvent, in either form
        (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md)."""
        if structured:
            headers = {"content-type": "application/cloudevents+json"}
            return httpx.post(self.url, headers=headers, json={**attributes, "data": data}, timeout=_SECONDS)
        headers = {f"ce-{name}": value for name, value in attributes.items()}
        return httpx.post(self.url, headers=headers, json=data, timeout=_SECONDS)

    def __enter__(self) -> Self:
        deadline = time.monotonic() + _SECONDS
        while True:
            try:
                httpx.get(f"{self.url}/", timeout=_SECONDS)
                return self
            except httpx.TransportError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    self.__exit__()
                    raise AssertionError(f"functions-framework does not start: {self.log()[-4000:]}") from None
                time.sleep(0.1)

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(20)
