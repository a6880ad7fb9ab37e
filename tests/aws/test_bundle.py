"""The bundle: the same bytes each time, small, and complete in itself."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.aws.emulator import ROOT, make_bundle

IMPORT_ALL = """
import importlib, pathlib, sys
task = pathlib.Path(sys.argv[1])
names = []
for package in ("boatyard", "boatyard_aws", "boatyard_kubernetes", "boatyard_registry"):
    for path in sorted((task / package).rglob("*.py")):
        name = ".".join(path.relative_to(task).with_suffix("").parts).removesuffix(".__init__")
        if name.endswith("__main__") or name in sys.argv[2:]:
            continue
        importlib.import_module(name)
        names.append(name)
print(len(names))
"""


ELSEWHERE = (
    "boatyard_aws.codebuild.inside",  # in the builder's image, beside boatyard_buildkit
    "boatyard_kubernetes.certificates",  # on the machine of whoever sets the cluster up
)


def test_two_bundles_of_the_same_sources_are_the_same_bytes(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    before = os.umask(0o077)
    try:
        again = make_bundle(tmp_path / "again")
    finally:
        os.umask(before)
    for name in ("aws.zip", "aws-builder.zip"):
        assert again.with_name(name).read_bytes() == bundle.with_name(name).read_bytes(), name


def test_it_is_small_and_says_what_it_is(bundle: Path) -> None:
    facts = json.loads(bundle.with_suffix(".json").read_text())
    with zipfile.ZipFile(bundle) as archive:
        infos = archive.infolist()
    assert sum(info.file_size for info in infos) == facts["unpackedBytes"] < 25_000_000
    assert facts["runtime"] == f"python3.{sys.version_info.minor}" and facts["architecture"] == "x86_64"
    tops = {info.filename.partition("/")[0] for info in infos}
    assert tops >= {"boatyard", "boatyard_aws", "boatyard_kubernetes", "boatyard_registry", "aws_lambda_powertools"}
    assert tops.isdisjoint({"boto3", "botocore", "flyteidl2", "flyte", "boatyard_local", "boatyard_client", "bin"})
    assert all(info.date_time == (1980, 1, 1, 0, 0, 0) for info in infos)


@pytest.mark.parametrize("name", ["aws.zip", "aws-builder.zip"])
def test_no_path_of_this_machine_is_in_it(bundle: Path, name: str) -> None:
    with zipfile.ZipFile(bundle.with_name(name)) as archive:
        for info in archive.infolist():
            assert str(ROOT).encode() not in archive.read(info), info.filename


def test_everything_in_it_can_be_imported_without_this_checkout(task: Path, lambda_runtime: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-c", IMPORT_ALL, str(task), *ELSEWHERE],
        env={"PYTHONPATH": f"{task}:{lambda_runtime}", "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=task,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 60


def test_its_byte_code_is_used(task: Path, lambda_runtime: Path) -> None:
    """A stale or missing .pyc would be compiled at every cold start: /var/task is read-only."""
    environment = {"PYTHONPATH": f"{task}:{lambda_runtime}", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-S", "-v", "-c", "import boatyard_aws.http.app"],
        env=environment,
        cwd=task,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = [line for line in done.stderr.splitlines() if str(task) in line and line.startswith("# code object from")]
    assert len(loaded) > 100 and all(line.endswith(".pyc'") for line in loaded)
