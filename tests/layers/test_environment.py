"""The environment is the one that uv makes from the interpreter itself; a uv that does something else is refused."""

import marshal
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from boatyard_layers.base_python import BasePython
from boatyard_layers.environment import make_environment
from boatyard_layers.errors import NotExact
from boatyard_layers.interpreter import Interpreter, asked
from boatyard_layers.inventory import Inventory
from boatyard_layers.model import VENV, PathEntry
from boatyard_layers.pack import LayerItem
from tests.layers.own_interpreter import own_interpreter

UV = Path(sys.executable).parent / "uv"


@pytest.fixture(scope="module")
def here() -> Interpreter:
    return asked(own_interpreter())


def python_of(here: Interpreter, folder: Path, *names: str) -> BasePython:
    """This machine's Python under names in a folder, as an image has it in one of PATH."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).symlink_to(here.python)
    return BasePython(version=here.minor, found=tuple(str(folder / name) for name in names), program=here.python)


def image_of(python: BasePython) -> Inventory:
    links = (PathEntry(path=path, kind="symlink", mode=0o777, target=python.program) for path in python.found)
    return Inventory.empty().applied([PathEntry(path=python.program, mode=0o755), *links])


def made(python: BasePython, here: Interpreter, uv: Path = UV) -> dict[str, LayerItem]:
    items = make_environment(python, here, uv, image_of(python))
    return {item.entry.path: item for item in items}


def by_uv_itself(python: BasePython, work: Path) -> dict[str, tuple[int, str, bytes]]:
    """Mode, target and contents of each path, as uv makes them from the interpreter below another root."""
    environment = {"PATH": python.folder, "HOME": str(work), "UV_CACHE_DIR": str(work / "cache")}
    place = work / VENV[1:]
    words = ["venv", str(place), f"--python={python.version}", "--no-config", "--no-project"]
    run = {"env": environment, "check": True, "capture_output": True, "cwd": work}
    subprocess.run([str(UV), *words], **run)  # type: ignore[call-overload]
    compiled = [
        str(place / "bin" / "python"),
        "-m",
        "compileall",
        "-q",
        "--invalidation-mode",
        "checked-hash",
        str(place),
    ]
    subprocess.run(compiled, **run)  # type: ignore[call-overload]
    found = {}
    for path in (place, *place.rglob("*")):
        about = path.lstat()
        data = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        target = os.readlink(path) if path.is_symlink() else ""  # noqa: PTH115
        found[f"/{path.relative_to(work)}"] = (about.st_mode & 0o777, target, in_image(path, data, work))
    return found


def in_image(path: Path, data: bytes, work: Path) -> bytes:
    if path.suffix == ".pyc":  # its paths are inside
        return data[:16] + marshal.loads(data[16:]).co_code  # noqa: S302 - made here
    return data.replace(f"{work}/opt".encode(), b"/opt")


@pytest.mark.parametrize("names", [("python{}", "python3", "python"), ("python3", "python"), ("python",)])
def test_it_is_the_one_that_uv_makes_from_the_interpreter(
    here: Interpreter, names: tuple[str, ...], tmp_path: Path
) -> None:
    if not here.usual:
        pytest.skip("this machine's Python is one of uv's own")
    python = python_of(here, tmp_path / "bin", *(name.format(here.minor) for name in names))
    before = os.umask(0o077)
    try:
        items = made(python, here)
    finally:
        os.umask(before)
    assert items.pop("/opt").entry == PathEntry(path="/opt", kind="directory", mode=0o755)
    ours = {
        path: (item.entry.mode, item.entry.target, in_image(Path(path), item.source, tmp_path))  # type: ignore[arg-type]
        if isinstance(item.source, bytes)
        else (item.entry.mode, item.entry.target, b"")
        for path, item in items.items()
    }
    (tmp_path / "work").mkdir()
    assert ours == by_uv_itself(python, tmp_path / "work")
    code = items[f"{VENV}/bin/__pycache__/activate_this.cpython-{here.minor.replace('.', '')}.pyc"].source
    assert isinstance(code, bytes) and f"{VENV}/bin/activate_this.py".encode() in code


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("exit 2", "uv ended with the code 2"),
        ("ln -s /etc/passwd $1/bin/python", "a link to a place of this machine"),
        ("ln -s ../../../../etc/passwd $1/bin/python", "did not make the environment from"),
        ("ln -s $R$P $1/bin/python; basename ${R%/root} >$1/named", "names the environment in an unknown way"),
        ("ln -s $R$P $1/bin/python; mkfifo $1/pipe", "neither a file, a folder nor a link"),
        ("true", "did not make the environment from"),
    ],
)
def test_a_uv_that_makes_something_else_is_refused(here: Interpreter, words: str, why: str, tmp_path: Path) -> None:
    python = python_of(here, tmp_path / "bin", "python3")
    uv = tmp_path / "uv"
    beginning = f"#!/bin/sh\nPATH=/usr/bin:/bin\nshift\nR=${{1%/opt/venv}}\nP={python.found[0]}\nmkdir -p $1/bin\n"
    uv.write_text(f"{beginning}{words}\n")
    uv.chmod(0o755)
    with pytest.raises(NotExact, match=why):
        made(python, msgspec.structs.replace(here, usual=True), uv)


@pytest.mark.parametrize(
    "change",
    [{"usual": False}, {"version": "3.9.1"}, {"libc": ""}, {"version": "3.11.0rc1"}],
    ids=lambda change: next(iter(change)),
)
def test_an_unusual_interpreter_is_left_to_buildkit(
    here: Interpreter, change: dict[str, object], tmp_path: Path
) -> None:
    python = msgspec.structs.replace(python_of(here, tmp_path / "bin", "python3"), version="3.11")
    usual = msgspec.structs.replace(here, usual=True, version="3.11.7")
    with pytest.raises(NotExact, match=r"not a Python 3\.11 as|is a pre-release"):
        made(python, msgspec.structs.replace(usual, **change))
