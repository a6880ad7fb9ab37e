"""Runs the steps of a plan locally: a real uv in its own environment replaces BuildKit and the image.

A mount is a copy of what the context's archive has there. So uv runs for real, with the files that would be sent. Tests
with the engine check the container's file system.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import flyte

from boatyard.order import Order
from boatyard.ports import Scope
from boatyard.spec import parse_spec
from boatyard_flyte.lowering import lower
from boatyard_flyte.order import contents_of
from tests.core.orders import planned

BESIDE = Path(sys.executable).parent
_MOUNT = re.compile(r"--mount=type=bind,source=([^,]+),target=([^, ]+)")


@dataclass(frozen=True)
class Ran:
    failed: str
    """Standard error of the step that failed; empty if none did."""
    installed: dict[str, str]
    """Name -> version."""
    links: tuple[str, ...]
    """Distributions that are links to a folder."""
    python: Path

    def value(self, expression: str, module: str) -> str:
        code = f"import {module}; print({module}.{expression})"
        return subprocess.run([self.python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def environment(work: Path, **variables: str) -> dict[str, str]:
    own = {"VIRTUAL_ENV": str(work / "venv"), "UV_CACHE_DIR": str(work / "cache")}
    return {"PATH": f"{BESIDE}:/usr/bin:/bin", "HOME": str(work), "SSL_CERT_FILE": _certificates(), **own, **variables}


def uv(arguments: str, folder: Path, work: Path, **variables: str) -> None:
    own = environment(work, UV_PYTHON=sys.executable, **variables)
    subprocess.run([BESIDE / "uv", *arguments.split()], cwd=folder, env=own, check=True)


def run(image: flyte.Image, work: Path, **variables: str) -> Ran:
    """Runs every step that calls uv, until one fails. uv's cache in `work` is kept, as on a builder."""
    lowered = lower(image)
    contents = contents_of(lowered)
    order = Order(spec=parse_spec(lowered.spec), scope=Scope("p", "d"), context=contents.context if contents else None)
    context = work / "context"
    shutil.rmtree(context, ignore_errors=True)
    if contents:
        with contents.pack() as packed, tarfile.open(fileobj=packed.file) as archive:
            archive.extractall(context, filter="data")
    uv("venv --quiet --clear venv", work, work)
    failed = ""
    for line in planned(order).dockerfile.splitlines():
        if not failed and line.startswith("RUN") and re.search(r"uv (sync|pip install)", line):
            failed = _step(line, context, work, variables)
    python = work / "venv/bin/python"
    listing = subprocess.run(
        [BESIDE / "uv", "pip", "list", "--quiet", "--format", "json", "--python", python],
        capture_output=True, text=True, check=True, env=environment(work),
    )  # fmt: skip
    found = json.loads(listing.stdout)
    links = tuple(item["name"] for item in found if "editable_project_location" in item)
    return Ran(failed, {item["name"]: item["version"] for item in found}, links, python)


def _step(line: str, context: Path, work: Path, variables: dict[str, str]) -> str:
    script: str = json.loads(line[line.index('["/bin/sh"') :])[2]
    for source, target in _MOUNT.findall(line):
        # The same path for the same content, as uv's cache sees it in a build.
        place = work / "mounts" / target.strip("/").replace("/", "-")
        if (context / source).is_dir():
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(context / source, place)
        else:
            place.parent.mkdir(exist_ok=True)
            shutil.copy(context / source, place)
        script = script.replace(target, str(place))
    own = environment(work, UV_PYTHON=str(work / "venv/bin/python"), **variables)
    command = ["/bin/sh", "-c", script]
    done = subprocess.run(command, cwd="/", env=own, capture_output=True, text=True, check=False)
    return (done.stderr or "failed") if done.returncode else ""


def _certificates() -> str:
    return os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")
