"""A bundle's Python is an option, independent of the Python that makes it."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.aws.emulator import make_bundle
from tests.bundle.scripts import SCRIPTS
from tests.pythons.found import OWN, PYTHONS

OTHERS = [version for version, interpreter in PYTHONS.items() if interpreter and version != OWN]


def bundle_without_interpreters(*options: str) -> "subprocess.CompletedProcess[str]":
    code = (
        "import interpreters, runpy; interpreters.find = lambda version: None; runpy.run_path('.', run_name='__main__')"
    )
    command = [sys.executable, "-c", code, *options]
    return subprocess.run(command, cwd=SCRIPTS, capture_output=True, text=True, check=False)


def test_each_python_is_the_version_that_it_was_found_for() -> None:
    assert PYTHONS[OWN] == Path(sys.executable)
    for version in OTHERS:
        code = "import sys; print('%d.%d' % sys.version_info[:2])"
        done = subprocess.run([str(PYTHONS[version]), "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == version


@pytest.mark.parametrize("version", PYTHONS)
def test_byte_code_is_used_by_the_python_that_it_was_made_for(version: str, tmp_path: Path) -> None:
    interpreter = PYTHONS[version]
    if interpreter is None:
        pytest.skip(f"no Python {version} on this machine")
    (tmp_path / "hello.py").write_text("GREETING = 'hello'\n")
    code = (
        "import pathlib, sys; from bytecode import compile_all; "
        "compile_all(pathlib.Path(sys.argv[1]), root='/var/task', interpreter=pathlib.Path(sys.argv[2]))"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path, interpreter], cwd=SCRIPTS, check=True)
    (compiled,) = (tmp_path / "__pycache__").iterdir()
    (tmp_path / "hello.py").write_text("raise SystemExit('compiled again')\n")
    script = "import hello; print(hello.GREETING, hello.__cached__)"
    done = subprocess.run([interpreter, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["hello", str(compiled)]


@pytest.mark.skipif(not {*OTHERS} - {"3.10"}, reason="no other Python on this machine that Lambda has")
def test_all_that_is_compiled_in_a_bundle_is_for_its_python(tmp_path: Path) -> None:
    version = OTHERS[-1]
    tag = f"cpython-{version.replace('.', '')}"
    bundle = make_bundle(tmp_path, "--only", "functions", python=version)
    assert json.loads(bundle.with_suffix(".json").read_text())["runtime"] == f"python{version}"
    with zipfile.ZipFile(bundle) as archive:
        names = archive.namelist()
    sources = [name for name in names if name.endswith(".py")]
    assert sources and sum(name.endswith(f".{tag}.pyc") for name in names) == len(sources)
    assert not [name for name in names if ".cpython-" in name and tag not in name]


def test_without_the_python_that_makes_byte_code_no_bundle_is_made(tmp_path: Path) -> None:
    done = bundle_without_interpreters("aws", "--python", "3.14", "--out", str(tmp_path))
    assert done.returncode == 1 and not list(tmp_path.iterdir())
    assert "Python 3.14" in done.stderr and "install it" in done.stderr
    assert f"PYTHON_VERSION={OWN}" in done.stderr


@pytest.mark.parametrize("version", ["3.10", "2.7", "3", "three"])
def test_a_python_that_the_cloud_has_no_runtime_for_is_refused(version: str, tmp_path: Path) -> None:
    done = bundle_without_interpreters("aws", "--python", version, "--out", str(tmp_path))
    assert done.returncode == 1 and not list(tmp_path.iterdir())
    assert repr(version) in done.stderr and "3.13 or 3.11 or 3.12 or 3.14" in done.stderr
