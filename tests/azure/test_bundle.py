"""The bundle: the same bytes each time, small, complete in itself, and laid out as the platform mounts it."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.azure.host import make_bundle
from tests.azure.worker.environment import ROOT, VERSION, worker_python
from tests.sharing import made_once

PACKAGES = ".python_packages/lib/site-packages"
IMPORT_ALL = """
import importlib, json, pathlib, sys, warnings
warnings.simplefilter("ignore")
folder = pathlib.Path(sys.argv[1])
sys.path[:] = [str(folder), *(path for path in sys.path if "site-packages" not in path)]
told = {}
for path in sorted(folder.glob("boatyard*/**/*.py")):
    name = ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
    if not name.endswith("__main__"):
        try:
            importlib.import_module(name)
        except ImportError as error:
            told[name] = str(error)
        else:
            told[name] = None
print(json.dumps(told))
"""
ELSEWHERE = {
    "boatyard_azure.auth",  # on a caller's machine, beside httpx
    "boatyard_azure.build_step",  # in the builder's image, beside boatyard_buildkit
    "boatyard_serverless.builds.job",
    "boatyard_serverless.builds.process",
    "boatyard_serverless.inline.building",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "bundle-azure", make_bundle)


def test_two_bundles_of_the_same_sources_are_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    script = str(ROOT / "scripts" / "bundle")
    command = [sys.executable, script, "azure", "--python", VERSION, "--out", str(tmp_path), "--only", "functions"]
    subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": "5"}, check=True)
    assert (tmp_path / "azure.zip").read_bytes() == (folder / "azure.zip").read_bytes()
    facts = json.loads((folder / "azure.json").read_text())
    assert facts["runtime"] == f"python{VERSION}" and facts["bytes"] < 9_500_000


def test_it_is_laid_out_as_the_platform_mounts_it(folder: Path) -> None:
    with zipfile.ZipFile(folder / "azure.zip") as archive:
        names = archive.namelist()
        for info in archive.infolist():
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            assert str(ROOT).encode() not in archive.read(info), info.filename
    outside = {name for name in names if not name.startswith(f"{PACKAGES}/")}
    assert outside == {"function_app.py", "host.json"}
    assert f"{PACKAGES}/azure/functions/__init__.py" in names
    assert f"{PACKAGES}/boatyard_azure/__pycache__/handler.cpython-313.pyc" in names
    host = json.loads((folder / "app" / "host.json").read_text())
    assert host["extensions"]["http"]["routePrefix"] == "" and "extensionBundle" in host
    queues = host["extensions"]["queues"]
    most = queues["batchSize"] + queues["newBatchThreshold"]
    terraform = (ROOT / "infra" / "terraform" / "azure" / "function.tf").read_text()
    assert f"var.function.concurrency + {most})" in terraform, "each has a thread of its own"


def test_only_the_one_that_makes_images_has_what_makes_layers(folder: Path) -> None:
    with zipfile.ZipFile(folder / "azure.zip") as first, zipfile.ZipFile(folder / "azure-inline.zip") as second:
        before = {info.filename: info.CRC for info in first.infolist()}
        after = {info.filename: info.CRC for info in second.infolist()}
    assert before.items() <= after.items()
    added = {name.removeprefix(f"{PACKAGES}/").partition("/")[0] for name in after.keys() - before.keys()}
    assert {name for name in added if not name.startswith("backports")} == {"boatyard_buildkit", "boatyard_layers"}


def test_all_of_boatyard_that_is_in_it_can_be_imported(folder: Path) -> None:
    told: dict[str, Any] = json.loads(run(IMPORT_ALL, folder / "app" / PACKAGES))
    assert len(told) > 90
    assert {name for name, error in told.items() if error} == ELSEWHERE


def test_what_only_some_requests_need_is_not_loaded_at_the_start(folder: Path) -> None:
    slow = ("azure.core", "azure.identity", "azure.mgmt", "boatyard_connect", "flyteidl2", "google.protobuf")
    slow += ("lightkube", "requests", "yaml")
    code = f"""
import sys
sys.path[:0] = [sys.argv[1] + "/app", sys.argv[1] + "/app/{PACKAGES}"]
import function_app, boatyard_azure.http, boatyard_azure.wiring
print([name for name in {slow} if name in sys.modules])
"""
    assert run(code, folder) == "[]"


def run(code: str, folder: Path) -> str:
    command = [worker_python(), "-B", "-c", code, folder]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
