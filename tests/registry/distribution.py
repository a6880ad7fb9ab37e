"""The distribution project's own registry as a process, which tests can stop, protect and restart."""

import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.ports import free_port

USER, PASSWORD = "user", "pa55-w0rd"
_HTPASSWD = f"{USER}:$2y$05$m4f9HLLeOgvIq/PlTaleYuG9xi9zePIRmkKATmHxbmYMUdjJrpRnK\n"
_ENGINE = Path(__file__).parents[2] / ".boatyard" / "engine" / "root" / "usr" / "bin" / "docker-registry"


class Distribution:
    """Serves `folder`/data in plain http at `address`; the data outlives a restart."""

    def __init__(self, folder: Path, *, guarded: bool = False, auth: str = "") -> None:
        """`auth` is an `auth` section for the configuration, instead of the password file."""
        program = shutil.which("docker-registry") or (str(_ENGINE) if _ENGINE.is_file() else None)
        if program is None:
            pytest.skip("no docker-registry program: this machine's engine runs its registry in a container")
        self._program = program
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.address = f"127.0.0.1:{free_port()}"
        self.start(guarded=guarded, auth=auth)

    def start(self, *, guarded: bool = False, auth: str = "", deletes: bool = False) -> None:
        """`guarded`: every request needs the password. `deletes`: manifests can be deleted, as in the engine's."""
        self.stop()
        (self.folder / "htpasswd").write_text(_HTPASSWD)
        if guarded:
            auth = f"auth: {{htpasswd: {{realm: x, path: {self.folder / 'htpasswd'}}}}}\n"
        configuration = self.folder / "registry.yml"
        configuration.write_text(
            f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {self.folder / 'data'}}}, "
            f"delete: {{enabled: {'true' if deletes else 'false'}}}}}\n"
            f"http: {{addr: {self.address}, secret: x}}\n{auth}"
        )
        with (self.folder / "registry.log").open("ab") as log:
            self._process = subprocess.Popen([self._program, "serve", str(configuration)], stdout=log, stderr=log)
        wait_for(self.address)

    def collect_garbage(self) -> None:
        """Stops the registry, and removes the blobs that no manifest names."""
        self.stop()
        command = [self._program, "garbage-collect", str(self.folder / "registry.yml")]
        subprocess.run(command, check=True, capture_output=True)

    def close(self) -> None:
        self.stop()

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None


def wait_for(address: str) -> None:
    host, _, port = address.partition(":")
    for _ in range(400):
        with socket.socket() as probe:
            if probe.connect_ex((host, int(port))) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens at {address}")
