"""Makes the virtual environment of an image from its base's interpreter, as uv and compileall do in the image.

uv itself writes it, below a folder of this machine in which a script stands where the image has its interpreter
(`wheels/stage.py`): uv finds it by PATH, gets the answer that the interpreter would give, and runs nothing of the
image. Then the folder's name is taken out of what uv wrote.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from boatyard_layers.base_python import BasePython
from boatyard_layers.errors import NotExact
from boatyard_layers.interpreter import Interpreter
from boatyard_layers.inventory import Inventory, parent
from boatyard_layers.model import PYTHON, VENV, PathEntry
from boatyard_layers.pack import LayerItem, contents_of, with_parents
from boatyard_layers.wheels.answer import answer
from boatyard_layers.wheels.bytecode import byte_code_of, compile_sources
from boatyard_layers.wheels.stage import shim
from boatyard_layers.wheels.uv_process import UvTool

_PREFIX: Final = "boatyard-environment-"


def make_environment(
    python: BasePython,
    interpreter: Interpreter,
    uv: Path,
    inventory: Inventory,
    check: Callable[[], None] = lambda: None,
) -> list[LayerItem]:
    """The entries of /opt/venv with their contents, and of its parents that the image lacks.

    Raises NotExact if uv makes something unexpected."""
    if not interpreter.usual or interpreter.minor != python.version or not interpreter.libc:
        raise NotExact(f"its {python.program} is not a Python {python.version} as distributions make it, with glibc")
    if not interpreter.version.rpartition(".")[2].isdigit():
        raise NotExact(f"its Python {interpreter.version} is a pre-release")
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder:
        work = Path(os.path.realpath(folder))
        root = work / "root"
        _run_uv(python, interpreter, uv, work, root, check)
        links = _links(root)
        files = [path for path in _walk(root / VENV[1:]) if path.is_file() and path not in links]
        for path in files:
            _write_as_in_image(path, root)
        sources = [(path, _in_image(path, root)) for path in files if path.suffix == ".py"]
        made = [*_items(root, links), *_byte_code(sources, interpreter, work)]
        items = with_parents(made, (path for path in (parent(VENV),) if path in inventory))
    if inventory.applied(item.entry for item in items).resolve(PYTHON) != python.program:
        raise NotExact(f"uv did not make the environment from its {python.program}")
    return items


def _run_uv(
    python: BasePython, interpreter: Interpreter, uv: Path, work: Path, root: Path, check: Callable[[], None]
) -> None:
    base = root / python.prefix[1:]
    for name in ("answers", "home", "cache"):
        (work / name).mkdir()
    for number, path in enumerate(python.found):
        place = root / path[1:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(
            shim(work / "answers" / f"{number}.json", answer(interpreter, base, place, base)), encoding="utf-8"
        )
        place.chmod(0o755)
    environment = {
        "HOME": str(work / "home"),
        "PATH": str(root / python.folder[1:]),
        "LC_ALL": "C.UTF-8",
        "UV_CACHE_DIR": str(work / "cache"),
        "UV_PYTHON_DOWNLOADS": "never",
    }
    words = ["venv", str(root / VENV[1:]), f"--python={python.version}", "--no-config", "--no-project", "--offline"]
    tool = UvTool(program=uv, cache=work / "cache", variables={}, check=check)
    tool.start([*words, "--color", "never", "--no-progress"], environment, work / "home")


def _walk(folder: Path) -> Iterator[Path]:
    """All paths below a folder, and itself. No link is followed."""
    yield folder
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)
        else:
            yield path


def _links(root: Path) -> dict[Path, str]:
    """The links and their targets in the image."""
    found = {}
    for path in _walk(root / VENV[1:]):
        if path.is_symlink():
            target = os.readlink(path)  # noqa: PTH115  # pathlib rewrites it
            found[path] = target.removeprefix(str(root)) if target.startswith(f"{root}/") else target
            if target.startswith("/") and found[path] == target:
                raise NotExact(f"uv made {_in_image(path, root)} a link to a place of this machine")
    return found


def _write_as_in_image(path: Path, root: Path) -> None:
    """Takes the name of the folder out of a file's contents. Raises NotExact if it is there in other words."""
    data = path.read_bytes()
    changed = data.replace(f"{root}/".encode(), b"/")
    if root.parent.name.encode() in changed:
        raise NotExact(f"uv's {_in_image(path, root)} names the environment in an unknown way")
    if changed != data:
        path.write_bytes(changed)


def _items(root: Path, links: dict[Path, str]) -> Iterator[LayerItem]:
    for path in _walk(root / VENV[1:]):
        about, place = path.lstat(), _in_image(path, root)
        mode = about.st_mode & 0o777
        if path in links:
            yield LayerItem(PathEntry(path=place, kind="symlink", mode=0o777, target=links[path]))
        elif path.is_dir():
            yield LayerItem(PathEntry(path=place, kind="directory", mode=mode))
        elif path.is_file():
            data = path.read_bytes()
            yield LayerItem(PathEntry(path=place, mode=mode, size=len(data)), data)
        else:
            raise NotExact(f"uv made {place}, which is neither a file, a folder nor a link")


def _byte_code(sources: Sequence[tuple[Path, str]], interpreter: Interpreter, work: Path) -> Iterator[LayerItem]:
    made = compile_sources(sources, interpreter, work)
    for path, name in sources:
        if path in made:
            code = made[path]
            entry = PathEntry(path=byte_code_of(name, interpreter), mode=code.mode, size=code.part.size)
            yield LayerItem(entry, contents_of(LayerItem(entry, code.part)))  # the folder goes before the layer is made


def _in_image(path: Path, root: Path) -> str:
    return f"/{path.relative_to(root).as_posix()}"
