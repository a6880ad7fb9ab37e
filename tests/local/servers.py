"""Servers in their own processes, so that tests can kill them."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from boatyard_local.state import StateFolder

ROOT = Path(__file__).parents[2]


def bearer(state: Path) -> dict[str, str]:
    """The header that the server of a state folder requires."""
    return {"authorization": f"Bearer {StateFolder(state).token.read_text()}"}


class ServerProcess:
    """A server process. `with` starts it and waits until it answers."""

    def __init__(self, state: Path, **settings: Any) -> None:
        self.state = state
        self._settings = settings
        self.http = httpx.Client()

    def __enter__(self) -> "ServerProcess":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.local.stand_in_server", str(self.state), json.dumps(self._settings)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=(self.state.parent / "server.log").open("ab"),
            text=True,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        assert self.url, (self.state.parent / "server.log").read_text()
        self.http.base_url = httpx.URL(self.url)
        self.http.headers.update(bearer(self.state))

    @property
    def authorization(self) -> str:
        return bearer(self.state)["authorization"]

    @property
    def log(self) -> str:
        return (self.state.parent / "server.log").read_text()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(10)

    def ask(self, path: str) -> socket.socket:
        """Sends a GET without waiting for the answer."""
        url = httpx.URL(self.url)
        connection = socket.create_connection((url.host, url.port or 0))
        connection.settimeout(60)
        head = f"GET {path} HTTP/1.1\r\nHost: {url.netloc.decode()}\r\nAuthorization: {self.authorization}\r\n\r\n"
        connection.sendall(head.encode())
        return connection

    def order(self, build_id: str, **orders: Any) -> None:
        """Appends what a job without a script does next; see stand_in.py."""
        with (StateFolder(self.state).build(build_id).path / "orders.jsonl").open("a") as file:
            file.writelines(json.dumps({name: order}) + "\n" for name, order in orders.items())

    def build(self, number: int = 0, *, force: bool = False, **script: Any) -> httpx.Response:
        """Requests an image whose job does what `script` says. Each `number` is another image."""
        told = f"# stand-in: {json.dumps(script)}\n" if script else ""
        text = f"{told}# {number}\nFROM 127.0.0.1:5000/base:1\n"
        return self.http.post("/v1/builds", json={"spec": {"dockerfile": text}, "force": force})
