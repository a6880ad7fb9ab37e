"""The bundle is small and complete, and is installed without an index. tests/aws and tests/azure make two."""

import json
import sys
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from tests.gcp.installed import OWN_PYTHON, ROOT, Around, Installed, Process, install, make_bundle, running
from tests.gcp.site import order
from tests.sharing import made_once

IMPORT_ALL = """
import importlib, json, pathlib, sys, warnings
warnings.simplefilter("ignore")
folder = next(pathlib.Path(path) for path in sys.path if path.endswith("/boatyard_function"))
told = {}
for path in sorted(folder.rglob("*.py")):
    name = ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
    if not name.endswith("__main__"):
        try:
            importlib.import_module(name)
        except ImportError as error:
            told[name] = (error.name or str(error).rpartition("'")[0].rpartition("'")[2], str(error))
        except BaseException as error:
            told[name] = ("", repr(error))
        else:
            told[name] = None
print(json.dumps(told))
"""
"""What becomes of the import of each module: null, or the name that is missing and the error's text."""

ELSEWHERE = {
    "boatyard_gcp.auth",  # on a caller's machine, beside httpx
    "boatyard_gcp.build_step",  # in the builder's image, beside boatyard_buildkit
    "boatyard_serverless.builds.job",
    "boatyard_serverless.builds.process",
    "boatyard_serverless.inline.building",
}
OPTIONAL = (
    "click._winconsole",
    "cloudevents.pydantic",
    "google.auth._oauth2client",
    "google.auth.aio.transport.aiohttp",
    "gunicorn.workers.ggevent",
    "gunicorn.workers.gtornado",
    "truststore._macos",
    "truststore._windows",
)
"""Modules for other systems and other distributions, whose own errors say so."""
Imported = dict[str, tuple[str, str] | None]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "bundle-gcp", make_bundle) / "gcp.zip"


@pytest.fixture(scope="module")
def installed(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return install(bundle, tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="module")
def around() -> Iterator[Around]:
    with Around() as found:
        yield found


@pytest.fixture(scope="module")
def function(installed: Installed, around: Around, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with running(installed, around.environment, tmp_path_factory.mktemp("log") / "api") as process:
        yield process


@pytest.fixture(scope="module")
def imported(installed: Installed) -> Imported:
    """Imports each of the bundle's modules in one process."""
    told: Imported = json.loads(installed.run(IMPORT_ALL).splitlines()[-1])
    return told


def test_it_is_small_and_says_what_it_is(bundle: Path) -> None:
    facts = json.loads(bundle.with_suffix(".json").read_text())
    assert bundle.stat().st_size == facts["bytes"] < 18_000_000
    assert facts["unpackedBytes"] < 52_000_000
    assert facts["runtime"] == f"python{OWN_PYTHON}" and facts["architecture"] == "x86_64"
    with zipfile.ZipFile(bundle) as archive:
        assert {name.partition("/")[0] for name in archive.namelist()} == {"main.py", "requirements.txt", "wheels"}
        (wheel,) = [name for name in archive.namelist() if name.startswith("wheels/")]
        inner = zipfile.ZipFile(BytesIO(archive.read(wheel)))
    tops = packages(bundle)
    assert tops >= {"boatyard", "boatyard_gcp", "boatyard_kubernetes", "functions_framework", "grpc"}
    assert tops.isdisjoint({"httpx", "flyte", "boatyard_local", "boatyard_client", "protovalidate", "uvicorn", "bin"})
    for info in inner.infolist():
        assert info.date_time == (1980, 1, 1, 0, 0, 0)
        assert str(ROOT).encode() not in inner.read(info), info.filename


def test_only_the_one_that_makes_images_has_what_makes_layers(bundle: Path) -> None:
    before, after = packages(bundle), packages(bundle.with_name("gcp-inline.zip"))
    added = {name for name in after - before if not name.startswith("backports")}
    assert before <= after and added == {"boatyard_buildkit", "boatyard_layers"}


def packages(bundle: Path) -> set[str]:
    with zipfile.ZipFile(bundle) as archive:
        (wheel,) = [name for name in archive.namelist() if name.startswith("wheels/")]
        inner = zipfile.ZipFile(BytesIO(archive.read(wheel)))
    return {name.split("/")[1] for name in inner.namelist() if name.startswith("boatyard_function/")}


def test_the_framework_answers_with_nothing_but_the_bundle(function: Process, around: Around) -> None:
    plan = function.plan()
    digest = around.push(plan)
    answer = function.post("/v1/builds", order())
    assert answer.status_code == 200, answer.text
    assert answer.json()["cached"] and answer.json()["image"].endswith(f"@{digest}")


def test_the_events_function_is_there_too(installed: Installed, around: Around, tmp_path: Path) -> None:
    with running(installed, around.environment, tmp_path / "events", target="events") as process:
        refused = process.post("/", {"no": "event"})
    assert refused.status_code == 400, "functions-framework takes CloudEvents only"


def test_all_of_boatyard_that_is_in_it_can_be_imported(imported: Imported) -> None:
    ours = {name: told for name, told in imported.items() if name.startswith("boatyard")}
    assert len(ours) > 90
    assert {name for name, told in ours.items() if told} == ELSEWHERE


def test_nothing_that_was_left_out_is_missed_by_what_is_there(installed: Installed, imported: Imported) -> None:
    """A module that a dependency cannot import belongs to another distribution or another operating system."""
    assert len(imported) > 800
    there = {path.name.partition(".")[0] for path in installed.packages.iterdir()}
    for name, told in imported.items():
        if told and not name.startswith(OPTIONAL):
            missing = told[0].partition(".")[0]
            assert missing and missing not in there | set(sys.stdlib_module_names), f"{name}: {told[1]}"


def test_a_builds_client_works_without_what_was_left_out(installed: Installed) -> None:
    code = (
        "from boatyard_gcp.build_client import CloudBuildApi; from boatyard_gcp.rest import GoogleRest;"
        "print(type(CloudBuildApi(GoogleRest())._google.transport).__name__)"
    )
    assert installed.run(code) == "CloudBuildRestTransport\n"


def test_what_only_some_requests_need_is_not_loaded_at_the_start(installed: Installed) -> None:
    slow = ("boatyard_connect", "cryptography", "flyteidl2", "google.auth", "google.protobuf", "grpc", "lightkube")
    code = f"import sys, main, boatyard_gcp.http; print([name for name in {slow} if name in sys.modules])"
    assert installed.run(code) == "[]\n"
