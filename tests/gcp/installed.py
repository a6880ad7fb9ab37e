"""The real functions-framework with the bundle, installed by the commands of Google's buildpack.

https://github.com/GoogleCloudPlatform/buildpacks, pkg/python/python.go and cmd/python: pip without an index from the
folder that GOOGLE_VENDOR_PIP_DEPENDENCIES names, byte code that is used unchecked, `pip check`, and the program
`functions-framework` beside the unpacked source. As on Cloud Run, the process sees only what pip installed and the
standard library.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import httpx
import pytest

from tests.gcp.loopback import ApiServer
from tests.gcp.metadata_server import MetadataServer
from tests.gcp.payloads import ADA, token
from tests.gcp.secrets import Secrets
from tests.gcp.site import DEPLOYMENT_KEY, order, variables
from tests.ports import free_port
from tests.registry.server import FakeRegistry

ROOT: Final = Path(__file__).resolve().parent.parent.parent
OWN_PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"


def make_bundle(folder: Path, *options: str) -> Path:
    """Makes the bundles for this interpreter, which runs them here."""
    script = str(ROOT / "scripts" / "bundle")
    command = [sys.executable, script, "gcp", "--python", OWN_PYTHON, "--out", str(folder), *options]
    subprocess.run(command, check=True)
    return folder / "gcp.zip"


@dataclass(frozen=True)
class Installed:
    source: Path
    """Google's /workspace."""
    python: Path

    @property
    def packages(self) -> Path:
        """The folder of the bundle's packages."""
        (found,) = self.python.parent.parent.glob("lib/python*/site-packages/boatyard_function")
        return found

    def run(self, code: str) -> str:
        """Runs the code in a process with the installed function. Returns what it prints."""
        done = subprocess.run(
            [self.python, "-c", code], cwd=self.source, env={}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def install(bundle: Path, folder: Path) -> Installed:
    folder.mkdir(exist_ok=True)
    source, environment = folder / "workspace", folder / "pip"
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(source)
    facts = json.loads(bundle.with_suffix(".json").read_text())
    wheels = facts["buildEnvironment"]["GOOGLE_VENDOR_PIP_DEPENDENCIES"]
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check")
    options = ("--quiet", "--requirement", "requirements.txt", "--upgrade", "--force-reinstall", "--no-compile")
    for command in (
        (*pip, "install", *options, "--no-cache-dir", "--no-index", "--find-links", wheels),
        (str(python), "-m", "compileall", "--invalidation-mode", "unchecked-hash", "-qq", str(environment / "lib")),
        (*pip, "check"),
    ):
        done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    shutil.rmtree(source / wheels)
    return Installed(source, python)


class Around:
    """A function's surroundings on loopback: what Terraform and Google provide."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.metadata = self._stack.enter_context(MetadataServer())
        secrets = self._stack.enter_context(ApiServer("secretmanager", "v1", self.metadata))
        Secrets(secrets).make(DEPLOYMENT_KEY)
        self.registry = FakeRegistry()
        self._stack.callback(self.registry.close)
        address = self.registry.address
        self.environment = {
            **variables("boatyard-test", BOATYARD_DEFAULT_REPOSITORY=f"{address}/images"),
            "BOATYARD_SETTINGS": json.dumps({"insecureRegistries": [address]}),
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER": secrets.url,
            "GCE_METADATA_HOST": self.metadata.host,
        }
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def push(self, plan: Mapping[str, Any]) -> str:
        """Pushes the image of a plan, and returns its digest."""
        path, _, tag = plan["target"].removeprefix(f"{self.registry.address}/").partition(":")
        return self.registry.add_image(path, tag, labels={"io.boatyard.key": plan["key"]})


@dataclass(frozen=True)
class Process:
    """A started instance that accepts connections."""

    url: str
    began: float
    """time.perf_counter() at its start."""
    ready: float
    """The same when it took its first connection."""

    def post(self, path: str, body: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token(ADA)}"}
        return httpx.post(f"{self.url}{path}", json=body, headers=headers, timeout=60, trust_env=False)

    def plan(self) -> Any:
        return self.post("/v1/plans", order()).raise_for_status().json()


@contextmanager
def running(
    installed: Installed, environment: Mapping[str, str], log: Path, *, source: Path | None = None, target: str = "api"
) -> Iterator[Process]:
    port = free_port()
    kind = "http" if target == "api" else "cloudevent"
    function = {"FUNCTION_TARGET": target, "FUNCTION_SIGNATURE_TYPE": kind, "HOST": "127.0.0.1", "PORT": str(port)}
    began = time.perf_counter()
    with log.open("wb") as out:
        process = subprocess.Popen(
            [installed.python.with_name("functions-framework")],
            cwd=source or installed.source,
            env={"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1", **function, **environment},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        while time.perf_counter() < began + 30 and process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.005)
        else:
            pytest.fail(f"functions-framework did not start: {log.read_text()}")
        yield Process(f"http://127.0.0.1:{port}", began, time.perf_counter())
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
