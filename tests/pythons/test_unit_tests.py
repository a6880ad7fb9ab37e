"""Core, client, job and flyte plugin pass their unit tests on every Python that they say they run on."""

import os
import subprocess
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from boatyard import toml
from tests.pythons.environment import DISTRIBUTIONS, ROOT, environment
from tests.pythons.found import OWN, PYTHONS

UNIT_TESTS = ("tests/core", "tests/client", "tests/flyte", "tests/registry", "tests/buildkit", "tests/serverless")


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_the_installer_is_told_the_same_pythons(name: str) -> None:
    project = toml.loads((ROOT / name / "pyproject.toml").read_text())["project"]
    accepted = SpecifierSet(project["requires-python"])
    assert all(version in accepted for version in PYTHONS)
    assert "3.9" not in accepted


@pytest.mark.timeout(900)
@pytest.mark.parametrize("version", [version for version in PYTHONS if version != OWN])
def test_the_unit_tests_pass(version: str, tmp_path: Path) -> None:
    interpreter = PYTHONS[version]
    if interpreter is None:
        pytest.skip(f"no Python {version} on this machine")
    python = environment(version, interpreter)
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "VIRTUAL_ENV"))}
    done = subprocess.run(
        [
            *(python, "-m", "pytest", "-q", "--no-header", "--tb=short", "-p", "no:cacheprovider"),
            *("-m", "not integration", "--hypothesis-profile=few", f"--basetemp={tmp_path / 'tests'}"),
            *UNIT_TESTS,
        ],
        cwd=ROOT,
        env={**variables, "PATH": f"{python.parent}{os.pathsep}{variables.get('PATH', os.defpath)}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, f"on Python {version}:\n{done.stdout[-20_000:]}{done.stderr[-2_000:]}"
