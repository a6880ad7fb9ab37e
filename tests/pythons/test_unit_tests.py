"""The unit tests of core, client, job and flyte plugin pass on the oldest supported Python.

`make`'s own runs everything, so newer ones have little to add: there every module is imported, and the tests of the
core, the registry and the functions run.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from boatyard import toml
from tests.pythons.environment import DISTRIBUTIONS, ROOT, environment
from tests.pythons.found import OWN, PYTHONS

UNIT_TESTS = (
    *("tests/core", "tests/client", "tests/flyte", "tests/registry", "tests/buildkit", "tests/serverless"),
    "tests/buildkit/test_job.py::test_what_was_pushed_is_the_result",
    *(f"tests/layers/test_{name}.py" for name in ("config", "files", "hostile_layers", "inventory", "pack")),
)
ON_NEWER = ("tests/core", "tests/registry", "tests/serverless")
"""The tests of every other Python."""
IMPORT_ALL = """
import importlib, pkgutil, sys
for top in sys.argv[1:]:
    for found in pkgutil.walk_packages(importlib.import_module(top).__path__, f"{top}."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
            print(found.name)
"""
LEFT_OUT = {
    "tests/flyte/test_steps.py": "its projects need Python 3.11 themselves",
    "tests/buildkit/test_job.py": "slow: dozens of jobs, each a process; the one above runs",
    "tests/buildkit/test_redaction.py": "slow: hundreds of large logs",
    "tests/buildkit/test_removal.py": "slow: folders by the thousand",
    "tests/buildkit/test_unreached.py": "slow: it waits",
    "tests/client/test_packing_properties.py": "slow: hundreds of trees; test_packing.py has the digests",
    "tests/core/dockerfiles/test_parse.py": "slow: it measures how long files take",
    "tests/registry/test_deadline.py": "slow: it waits for registries that are silent",
}
"""Files that stay with `make`'s own Python, and why: all others together may take a minute."""


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_the_installer_is_told_the_same_pythons(name: str) -> None:
    project = toml.loads((ROOT / name / "pyproject.toml").read_text())["project"]
    accepted = SpecifierSet(project["requires-python"])
    assert all(version in accepted for version in PYTHONS)
    assert "3.9" not in accepted


OTHERS = [version for version in PYTHONS if version != OWN]
FOUND = [version for version, path in PYTHONS.items() if path]
OLDEST = FOUND[0]


@pytest.fixture(scope="session")
def runs(request: pytest.FixtureRequest) -> Iterator[dict[str, "Future[subprocess.CompletedProcess[str]]"]]:
    """The selected Pythons' runs, all at the same time: half of a run is waiting."""
    wanted = {item.callspec.params.get("version") for item in request.session.items if hasattr(item, "callspec")}
    found = [(version, PYTHONS[version]) for version in OTHERS if version in wanted]
    with ThreadPoolExecutor(len(OTHERS)) as pool:
        yield {version: pool.submit(_run, version, path) for version, path in found if path}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("version", OTHERS)
def test_the_unit_tests_pass(version: str, runs: dict[str, "Future[subprocess.CompletedProcess[str]]"]) -> None:
    if version not in runs:
        pytest.skip(f"no Python {version} on this machine")
    done = runs[version].result()
    assert done.returncode == 0, f"on Python {version}:\n{done.stdout[-20_000:]}{done.stderr[-2_000:]}"


@pytest.mark.parametrize("version", [version for version in OTHERS if version != OLDEST])
def test_every_module_can_be_imported(version: str) -> None:
    interpreter = PYTHONS[version]
    if interpreter is None:
        pytest.skip(f"no Python {version} on this machine")
    packages = [path.parent.name for name in DISTRIBUTIONS for path in (ROOT / name).glob("boatyard*/__init__.py")]
    done = subprocess.run(
        [environment(version, interpreter), "-c", IMPORT_ALL, *packages], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"on Python {version}:\n{done.stdout[-2_000:]}{done.stderr[-2_000:]}"
    assert len(packages) == len(DISTRIBUTIONS) and len(done.stdout.splitlines()) > 200


def _run(version: str, interpreter: Path) -> "subprocess.CompletedProcess[str]":
    python = environment(version, interpreter)
    tests = UNIT_TESTS if version == OLDEST else ON_NEWER
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "VIRTUAL_ENV"))}
    # Sockets are created below it, and their paths may have only 108 bytes.
    with tempfile.TemporaryDirectory(prefix="boatyard-") as short_folder:
        return subprocess.run(
            [
                *(python, "-m", "pytest", "-q", "--no-header", "--tb=short", "-p", "no:cacheprovider"),
                *("-m", "not integration", "--hypothesis-profile=few", f"--basetemp={short_folder}/tests"),
                *(f"--ignore={path}" for path in LEFT_OUT),
                *tests,
            ],
            cwd=ROOT,
            env={**variables, "PATH": f"{python.parent}{os.pathsep}{variables.get('PATH', os.defpath)}"},
            capture_output=True,
            text=True,
            check=False,
            timeout=840,
        )
