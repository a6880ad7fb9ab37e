"""The bundle is reproducible, small and complete."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.aws.emulator import ROOT, make_bundle

IMPORT_ALL = """
import importlib, json, pathlib, sys, warnings
warnings.simplefilter("ignore")
task = pathlib.Path(sys.argv[1])
told = {}
for path in sorted(path for top in task.glob(sys.argv[2]) for path in (top.rglob("*.py") if top.is_dir() else [top])):
    if path.suffix != ".py":
        continue
    name = ".".join(path.relative_to(task).with_suffix("").parts).removesuffix(".__init__")
    if not name.endswith("__main__"):
        try:
            importlib.import_module(name)
        except ImportError as error:
            told[name] = (error.name or str(error).rpartition("'")[0].rpartition("'")[2], str(error))
        except Exception as error:
            told[name] = ("", repr(error))
        else:
            told[name] = None
print(json.dumps(told))
"""
"""What becomes of the import of each module: null, or the name that is missing and the error's text."""

ON_A_MACHINE = {"boatyard_aws.auth"}  # a caller's, beside httpx
ELSEWHERE = {
    *ON_A_MACHINE,
    "boatyard_aws.build_step",  # in the builder's image, beside boatyard_buildkit
    "boatyard_serverless.builds.job",
    "boatyard_serverless.builds.process",
    "boatyard_serverless.inline.building",
}
OTHER_SYSTEMS = {"truststore._macos", "truststore._windows"}


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
    for name in ("aws.zip", "aws-inline.zip", "aws-builder.zip"):
        assert again.with_name(name).read_bytes() == bundle.with_name(name).read_bytes(), name


def test_it_is_small_and_says_what_it_is(bundle: Path) -> None:
    facts = json.loads(bundle.with_suffix(".json").read_text())
    with zipfile.ZipFile(bundle) as archive:
        infos = archive.infolist()
    assert sum(info.file_size for info in infos) == facts["unpackedBytes"] < 19_500_000
    assert facts["runtime"] == f"python3.{sys.version_info.minor}" and facts["architecture"] == "x86_64"
    tops = {info.filename.partition("/")[0] for info in infos}
    assert tops >= {"boatyard", "boatyard_aws", "boatyard_kubernetes", "boatyard_registry", "aws_lambda_powertools"}
    assert tops.isdisjoint({"boto3", "botocore", "httpx", "flyte", "boatyard_local", "boatyard_client", "bin"})
    assert all(info.date_time == (1980, 1, 1, 0, 0, 0) for info in infos)


def test_only_the_one_that_carries_builds_out_has_what_makes_layers(bundle: Path) -> None:
    inline = bundle.with_name("aws-inline.zip")
    facts = json.loads(inline.with_suffix(".json").read_text())
    with zipfile.ZipFile(bundle) as first, zipfile.ZipFile(inline) as second:
        before = {info.filename: info.CRC for info in first.infolist()}
        after = {info.filename: info.CRC for info in second.infolist()}
        assert sum(info.file_size for info in second.infolist()) == facts["unpackedBytes"] < 22_000_000
    assert before.items() <= after.items()
    added = {name.partition("/")[0].partition("-")[0] for name in after.keys() - before.keys()}
    assert added == {"backports", "backports_zstd", "boatyard_buildkit", "boatyard_layers"}


@pytest.mark.parametrize("name", ["aws.zip", "aws-inline.zip", "aws-builder.zip"])
def test_no_path_of_this_machine_is_in_it(bundle: Path, name: str) -> None:
    with zipfile.ZipFile(bundle.with_name(name)) as archive:
        for info in archive.infolist():
            assert str(ROOT).encode() not in archive.read(info), info.filename


@pytest.fixture(scope="module")
def imported(task: Path, lambda_runtime: Path) -> dict[str, tuple[str, str] | None]:
    return import_all(task, lambda_runtime, "*")


def import_all(task: Path, lambda_runtime: Path, names: str) -> dict[str, tuple[str, str] | None]:
    """Imports each of the bundle's modules below some folders in one process that sees no checkout."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", IMPORT_ALL, str(task), names],
        env={"PYTHONPATH": f"{task}:{lambda_runtime}", "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=task,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, tuple[str, str] | None] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_all_of_boatyard_that_is_in_it_can_be_imported(imported: dict[str, tuple[str, str] | None]) -> None:
    ours = {name: told for name, told in imported.items() if name.startswith("boatyard")}
    assert len(ours) > 90
    assert {name for name, told in ours.items() if told} == ELSEWHERE


def test_all_of_boatyard_that_is_in_the_other_one_can_be_imported(inline_task: Path, lambda_runtime: Path) -> None:
    told = import_all(inline_task, lambda_runtime, "boatyard*")
    assert len(told) > 180
    assert {name for name, error in told.items() if error} == ON_A_MACHINE


def test_nothing_that_was_left_out_is_missed_by_what_is_there(
    task: Path, imported: dict[str, tuple[str, str] | None]
) -> None:
    """A module that a dependency cannot import belongs to another distribution or another operating system."""
    assert len(imported) > 600
    there = {path.name.partition(".")[0] for path in task.iterdir()}
    for name, told in imported.items():
        if told and name not in OTHER_SYSTEMS:
            missing = told[0].partition(".")[0]
            assert missing and missing not in there | set(sys.stdlib_module_names), f"{name}: {told[1]}"


def test_of_flytes_messages_only_the_image_services_are_there(task: Path) -> None:
    found = {path.relative_to(task).as_posix() for path in (task / "flyteidl2").rglob("*_pb2.py")}
    assert found == {
        "flyteidl2/common/identifier_pb2.py",
        "flyteidl2/core/security_pb2.py",
        "flyteidl2/imagebuilder/definition_pb2.py",
        "flyteidl2/imagebuilder/payload_pb2.py",
    }


def test_protobuf_and_the_clusters_client_are_loaded_by_those_who_need_them(task: Path, lambda_runtime: Path) -> None:
    script = (
        "import sys, boatyard_aws.http, boatyard_aws.registry, boatyard.api; from boatyard_aws.wiring import Parts\n"
        'Parts({"BOATYARD_BUCKET": "b", "BOATYARD_DEPLOYMENT_KEY": "k", "BOATYARD_RUNNER": "codebuild",'
        ' "BOATYARD_CODEBUILD_PROJECT": "p"}).deployment.api\n'
        "print([n for n in ('google', 'flyteidl2', 'lightkube', 'httpx2', 'yaml') if n in sys.modules])"
    )
    environment = {"PYTHONPATH": f"{task}:{lambda_runtime}", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-S", "-c", script]
    done = subprocess.run(command, env=environment, cwd=task, capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr


def test_its_byte_code_is_used(task: Path, lambda_runtime: Path) -> None:
    """A stale or missing .pyc would be compiled at every cold start: /var/task is read-only."""
    environment = {"PYTHONPATH": f"{task}:{lambda_runtime}", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-S", "-v", "-c", "import boatyard_aws.http"],
        env=environment,
        cwd=task,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = [line for line in done.stderr.splitlines() if str(task) in line and line.startswith("# code object from")]
    assert len(loaded) > 50 and all(line.endswith(".pyc'") for line in loaded)
