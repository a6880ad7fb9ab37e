"""A real registry for one test, and functions that list a registry's contents."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec

from boatyard.settings import Settings
from tests.buildkit.engine import keychain
from tests.whole.yard import ROOT

PROGRAM = ROOT / ".boatyard" / "engine" / "root" / "usr" / "bin" / "docker-registry"
MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json"
)


class OwnRegistry:
    """docker-registry on loopback, which may be stopped and started."""

    def __init__(self, folder: Path, port: int) -> None:
        self.address = f"127.0.0.1:{port}"
        self._config = folder / "registry.yml"
        self._config.write_text(
            "version: 0.1\nlog: {level: error}\n"
            f"storage: {{filesystem: {{rootdirectory: {folder / 'data'}}}}}\n"
            f"http: {{addr: '{self.address}'}}\n",
            encoding="utf-8",
        )

    def start(self) -> None:
        self._process = subprocess.Popen(
            [str(PROGRAM), "serve", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(100):
            try:
                httpx.get(f"http://{self.address}/v2/")
                return
            except httpx.ConnectError:
                time.sleep(0.1)
        raise AssertionError("the registry does not answer")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)


@contextmanager
def own_registry(folder: Path, port: int) -> Iterator[OwnRegistry]:
    folder.mkdir(parents=True, exist_ok=True)
    registry = OwnRegistry(folder, port)
    registry.start()
    try:
        yield registry
    finally:
        registry.stop()


def account(host: str) -> tuple[str, str] | None:
    """Name and password, if it is the engine's registry."""
    settings = msgspec.toml.decode((ROOT / ".boatyard" / "boatyard.toml").read_bytes(), type=Settings)
    found = keychain(settings).resolve(host)
    return (found.username, found.password) if found else None


def manifest(image: str) -> dict[str, Any]:
    """The manifest of `host/path@digest`."""
    name, _, digest = image.partition("@")
    host, _, path = name.partition("/")
    answer = httpx.get(f"http://{host}/v2/{path}/manifests/{digest}", headers={"accept": MANIFESTS}, auth=account(host))
    answer.raise_for_status()
    document: dict[str, Any] = answer.json()
    return document


def blob(image: str, digest: str) -> bytes:
    name = image.partition("@")[0]
    host, _, path = name.partition("/")
    answer = httpx.get(f"http://{host}/v2/{path}/blobs/{digest}", auth=account(host), follow_redirects=True)
    answer.raise_for_status()
    return answer.content
