"""Lock files in a deployment with its own index: a real uv runs the step's script locally."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from boatyard.context import Context
from tests.core.orders import plan
from tests.flyte import index
from tests.flyte.projects import write
from tests.flyte.wheel import make_wheel

CONTEXT = Context(sha256="a" * 64, size=1)
PROJECT = '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["by-one"]\n'


@pytest.fixture
def indexes(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Two indexes that have by-one 1.0; the second also has 2.0."""
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
        make_wheel(folder, "by-one", "1.0")
    make_wheel(folders[1], "by-one", "2.0")
    make_wheel(folders[1], "by-two", "1.0")
    with index.serve(folders[0], "-") as first, index.serve(folders[1], "-") as second:
        yield f"{first}/public/simple", f"{second}/public/simple"


@pytest.fixture
def project(tmp_path: Path, indexes: tuple[str, str]) -> Path:
    folder = write(tmp_path / "app", {"pyproject.toml": PROJECT})
    uv("lock", folder, UV_DEFAULT_INDEX=indexes[0])
    return folder


def uv(arguments: str, folder: Path, **variables: str) -> None:
    subprocess.run([_beside("uv"), *arguments.split()], cwd=folder, env=environment(folder, **variables), check=True)


def environment(folder: Path, **variables: str) -> dict[str, str]:
    own = {"UV_CACHE_DIR": str(folder.parent / "cache"), "VIRTUAL_ENV": str(folder.parent / "venv")}
    return {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(folder.parent), **own, **variables}


def _beside(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def sync(project: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the step of a locked project, in a copy of the environment that it has in the image."""
    layer = {"uvProject": {"pyproject": "0", "uvlock": "0/uv.lock", "sourceDir": "0"}}
    (line,) = [line for line in plan(layer, context=CONTEXT).dockerfile.splitlines() if "uv sync" in line]
    script: str = json.loads(line[line.index('["/bin/sh"') :])[2]
    script = re.sub(r"/tmp/boatyard/[0-9a-f]{32}", str(project), script)
    uv("venv --quiet --clear ../venv", project)
    command = ["/bin/sh", "-c", script]
    return subprocess.run(command, env=environment(project, **variables), capture_output=True, text=True, check=False)


def installed(project: Path) -> list[str]:
    return sorted(path.name for path in (project.parent / "venv").glob("lib/*/site-packages/by_*.dist-info"))


def test_a_lock_of_another_index_is_fitted_to_this_one_and_keeps_its_versions(
    project: Path, indexes: tuple[str, str]
) -> None:
    done = sync(project, UV_DEFAULT_INDEX=indexes[1])
    assert done.returncode == 0, done.stderr
    assert installed(project) == ["by_one-1.0.dist-info"]


def test_a_lock_that_is_outdated_is_outdated_with_any_index(project: Path, indexes: tuple[str, str]) -> None:
    write(project, {"pyproject.toml": PROJECT.replace('"by-one"', '"by-one", "by-two"')})
    for variables in ({"UV_DEFAULT_INDEX": indexes[1]}, {"UV_INDEX": indexes[1], "UV_DEFAULT_INDEX": indexes[0]}):
        lock = (project / "uv.lock").read_bytes()
        done = sync(project, **variables)
        assert done.returncode != 0
        assert "needs to be updated" in done.stderr
        assert installed(project) == []
        (project / "uv.lock").write_bytes(lock)


def test_a_lock_that_fits_is_used_as_it_is(project: Path, indexes: tuple[str, str]) -> None:
    before = (project / "uv.lock").read_bytes()
    assert sync(project, UV_DEFAULT_INDEX=indexes[0]).returncode == 0
    assert (project / "uv.lock").read_bytes() == before
