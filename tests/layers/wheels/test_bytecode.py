"""Byte code is that of the image's interpreter, and nothing else is."""

import marshal
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import msgspec
import pytest

from boatyard_layers.errors import NotExact
from boatyard_layers.interpreter import Interpreter, asked
from boatyard_layers.model import PathEntry
from boatyard_layers.pack import LayerItem, contents_of
from boatyard_layers.wheels.bytecode import ByteCode, byte_code_of, compile_sources
from tests.layers.own_interpreter import own_interpreter


@pytest.fixture(scope="module")
def here() -> Interpreter:
    """This machine's Python, as if it came from an image."""
    return asked(msgspec.structs.replace(own_interpreter(), version="", libc="", usual=False))


def hostile(here: Interpreter, folder: Path, script: str) -> Interpreter:
    """An interpreter that is a shell script."""
    folder.mkdir()
    (folder / "loader").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "loader").chmod(0o755)
    return msgspec.structs.replace(here, loader=folder / "loader")


def read(code: ByteCode) -> bytes:
    return contents_of(LayerItem(PathEntry(path="/code.pyc"), code.part))


def test_it_says_its_version_and_its_c_library(here: Interpreter) -> None:
    assert here.version == platform.python_version()
    assert here.libc == platform.libc_ver()[1].replace(".", "_")


def test_it_says_whether_its_environments_are_usual(here: Interpreter, tmp_path: Path) -> None:
    standalone = sysconfig.get_config_var("PYTHON_BUILD_STANDALONE") or sysconfig.get_config_var("prefix") == "/install"
    assert here.usual == (not standalone)
    assert not asked(hostile(here, tmp_path / "image", "echo '3.11.7 cpython-311 2.36 other'")).usual


@pytest.mark.parametrize(
    "script",
    [
        "echo 3.11.7",
        "echo '3.11.7 cpython-312 2.36 usual'",
        "echo '3.11.7/../../x cpython-311 2.36 usual'",
        "echo '3.11.7 cpython-311 2.36 usual'; echo more",
        "echo '3.11.7 cpython-311 2.36 usual'; exit 1",
        "while :; do echo '3.11.7 cpython-311 2.36 usual'; done",
        "echo '3.11.7 cpython-311 2.36 /usr'",
        "echo '٣.11.7 cpython-311 2.36 usual'",
    ],
)
def test_another_answer_is_refused(here: Interpreter, tmp_path: Path, script: str) -> None:
    with pytest.raises(NotExact, match="does not run here"):
        asked(hostile(here, tmp_path / "image", script))


def test_equal_bytes_for_any_number_of_processes(here: Interpreter, tmp_path: Path) -> None:
    standard = Path(os.__file__).parent
    sources = [*(standard / "json").glob("*.py"), *(standard / "email").glob("*.py"), *standard.glob("[a-b]*.py")]
    found = []
    for number, processes in enumerate((1, 2, 5)):
        folder = tmp_path / str(number)
        folder.mkdir()
        rows = []
        # Another order each time, too.
        for source in sources[:: 1 if number % 2 else -1]:
            copy = folder / f"{source.parent.name}-{source.name}"
            shutil.copyfile(source, copy)
            rows.append((copy, f"/opt/venv/{copy.name}"))
        made = compile_sources(rows, here, folder, processes)
        found.append({path.name: read(code) for path, code in made.items()})
    assert len(found[0]) == len(sources) > 32
    assert all(each == found[0] for each in found)


def test_the_byte_code_is_valid_for_its_source(here: Interpreter, tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("def f(x): return x in {'a', 'b', 1}\nvalue = f('a')\n")
    (tmp_path / "broken.py").write_text("this is no Python\n")
    (tmp_path / "made").mkdir()
    rows = [(tmp_path / name, f"/opt/venv/{name}") for name in ("module.py", "broken.py")]
    made = compile_sources(rows, here, tmp_path / "made")
    assert list(made) == [tmp_path / "module.py"]
    assert made[tmp_path / "module.py"].mode == 0o644
    code = Path(byte_code_of(str(tmp_path / "module.py"), here))
    code.parent.mkdir()
    code.write_bytes(read(made[tmp_path / "module.py"]))
    assert marshal.loads(code.read_bytes()[16:]).co_filename == "/opt/venv/module.py"  # noqa: S302
    script = "import module; print(module.value, module.__cached__)"
    ran = subprocess.run(
        [sys.executable, "-B", "-v", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["True", str(code)]
    assert f"code object from '{code}'" in ran.stderr.replace('"', "'") or f"matches {tmp_path}" in ran.stderr


def compile_hostile(here: Interpreter, folder: Path, script: str) -> None:
    (folder / "made").mkdir()
    rows = [(folder / "module.py", "/opt/venv/module.py")]
    compile_sources(rows, hostile(here, folder / "image", script), folder / "made")


@pytest.mark.parametrize(
    "script",
    [
        "exit 0",
        "printf '\\377\\377\\377\\377\\377\\377\\377\\177'",
        "printf '\\376\\377\\377\\377\\377\\377\\377\\377'",
        "printf '\\020\\0\\0\\0\\0\\0\\0\\0AAAABBBBCCCCDDDD'",
        "printf '\\020\\0\\0\\0\\0\\0\\0\\0AAAA\\003\\0\\0\\0'",
    ],
)
def test_what_is_no_byte_code_is_refused(here: Interpreter, tmp_path: Path, script: str) -> None:
    (tmp_path / "module.py").write_text("x = 1\n")
    with pytest.raises(NotExact, match="no byte code"):
        compile_hostile(here, tmp_path, script)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["image", "made", "module.py"]


def test_the_interpreter_cannot_change_the_sources(here: Interpreter, tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("x = 1\n")
    script = f"echo 'import evil' >{tmp_path}/module.py; echo >{tmp_path}/evil.py; exit 7"
    with pytest.raises(NotExact, match=r"exit code (2|7)"):
        compile_hostile(here, tmp_path, script)
    assert (tmp_path / "module.py").read_text() == "x = 1\n"
    assert not (tmp_path / "evil.py").exists()
