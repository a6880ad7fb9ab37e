"""The unit tests of core, client, job and flyte plugin pass on every supported Python."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from boatyard import toml
from tests.pythons.environment import DISTRIBUTIONS, ROOT, environment
from tests.pythons.found import OWN, PYTHONS

UNIT_TESTS = (
    *("tests/core", "tests/client", "tests/flyte", "tests/registry", "tests/buildkit", "tests/serverless"),
    "tests/buildkit/test_job.py::test_what_was_pushed_is_the_result",
)
LEFT_OUT = {
    "tests/flyte/test_steps.py": "its projects need Python 3.11 themselves",
    "tests/buildkit/test_job.py": "slow: dozens of jobs, each a process; the one above runs",
    "tests/buildkit/test_redaction.py": "slow: hundreds of large logs",
    "tests/buildkit/test_removal.py": "slow: folders by the thousand",
    "tests/buildkit/test_unreached.py": "slow: it waits",
    "tests/client/test_packing_properties.py": "slow: hundreds of trees; test_packing.py has the digests",
    "tests/core/dockerfiles/test_parse.py": "slow: it measures how long files take",
}
"""Files that stay with `make`'s own Python, and why: all others together may take a minute."""


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_the_installer_is_told_the_same_pythons(name: str) -> None:
    project = toml.loads((ROOT / name / "pyproject.toml").read_text())["project"]
    accepted = SpecifierSet(project["requires-python"])
    assert all(version in accepted for version in PYTHONS)
    assert "3.9" not in accepted


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """Sockets are created below it, and their paths may have only 108 bytes."""
    with tempfile.TemporaryDirectory(prefix="boatyard-") as folder:
        yield Path(folder)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("version", [version for version in PYTHONS if version != OWN])
def test_the_unit_tests_pass(version: str, short_folder: Path) -> None:
    interpreter = PYTHONS[version]
    if interpreter is None:
        pytest.skip(f"no Python {version} on this machine")
    python = environment(version, interpreter)
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "VIRTUAL_ENV"))}
    done = subprocess.run(
        [
            *(python, "-m", "pytest", "-q", "--no-header", "--tb=short", "-p", "no:cacheprovider"),
            *("-m", "not integration", "--hypothesis-profile=few", f"--basetemp={short_folder / 'tests'}"),
            *(f"--ignore={path}" for path in LEFT_OUT),
            *UNIT_TESTS,
        ],
        cwd=ROOT,
        env={**variables, "PATH": f"{python.parent}{os.pathsep}{variables.get('PATH', os.defpath)}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=840,
    )
    assert done.returncode == 0, f"on Python {version}:\n{done.stdout[-20_000:]}{done.stderr[-2_000:]}"
