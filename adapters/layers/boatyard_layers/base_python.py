"""Finds the interpreter of a base image from which uv makes the image's environment.

uv looks into the folders of PATH, in their order, for `python3.X`, `python3` and `python`, and asks what it finds. Its
variables, its settings and other tools' environments change that (uv's documentation, "Python versions"). Here only
the case is taken in which there is one answer: the first folder with any of the names has them for one interpreter.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from boatyard.dockerfile.frame import OPENING_ENVIRONMENT
from boatyard_layers.config import DEFAULT_PATH, env_of, workdir_of
from boatyard_layers.errors import NotExact
from boatyard_layers.inventory import Inventory, is_plain, join, parent
from boatyard_layers.model import VENV
from boatyard_layers.wheels.stage import check_settings
from boatyard_layers.wheels.uv_process import PASSED

_MINOR: Final = re.compile(r"3\.[0-9]{1,2}")
_ORDINARY: Final = re.compile(r"[A-Za-z0-9/._+-]+")
"""Names that mean the same in a script, in a shell and in uv's words."""
_OTHERS: Final = (
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "CONDA_DEFAULT_ENV",
    "CONDA_ROOT",
    "PYENV_VERSION",
    "__PYVENV_LAUNCHER__",
)
"""Variables by which uv, or an interpreter, finds another one."""
_HARMLESS: Final = frozenset(
    {
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONFAULTHANDLER",
        "PYTHONHASHSEED",
        "PYTHONIOENCODING",
        "PYTHONNOUSERSITE",
        "PYTHONUNBUFFERED",
        "PYTHONUTF8",
    }
)
"""Variables of Python that change neither where it is nor the byte code that it writes."""
_OTHER_PLACES: Final = ("pyvenv.cfg", "pybuilddir.txt")
"""Files beside an interpreter, or beside its folder, that make it another one."""
_MANAGED: Final = (".local/share/uv", ".config/uv")
"""What uv has below the home folder: interpreters, which it prefers, and settings."""


class BasePython(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    """`3.11`"""
    found: tuple[str, ...]
    """Paths by which uv may find it: names in one folder of PATH."""
    program: str
    """Their file, with no link on the way."""

    @property
    def folder(self) -> str:
        return parent(self.found[0])

    @property
    def prefix(self) -> str:
        """`/usr` for `/usr/bin/python3.11`."""
        return parent(parent(self.program))


def base_python(version: str, config: Mapping[str, object], inventory: Inventory, passwd: bytes) -> BasePython:
    """What `uv venv --python=<version>` finds in an image. Raises NotExact if that is not certain."""
    if not _MINOR.fullmatch(version):
        raise NotExact(f"its Python is {version or 'unknown'}, not a minor version")
    variables = env_of(config)
    _check_place(inventory)
    _check_variables(variables)
    check_settings(inventory, workdir_of(config))
    for home in dict.fromkeys(("/root", *_homes(variables, passwd))):
        for path in _MANAGED:
            if inventory.resolve(join(home, path)) in inventory:
                raise NotExact(f"it has interpreters or settings of uv, {join(home, path)!r}")
    for folder in variables.get("PATH", DEFAULT_PATH).split(":"):
        if found := _in_folder(folder, version, inventory):
            return _one_interpreter(version, found, inventory)
    raise NotExact("its PATH has no Python")


def _check_place(inventory: Inventory) -> None:
    above = parent(VENV)
    there = inventory.get(above)
    if inventory.get(VENV) is not None:
        raise NotExact(f"it has a {VENV} of its own")
    if there is not None and there.kind != "directory":
        raise NotExact(f"its {above} is no folder")


def _check_variables(variables: Mapping[str, str]) -> None:
    for name in variables:
        of_python = name.startswith("PYTHON") and not name.startswith("PYTHON_") and name not in _HARMLESS
        of_uv = name.startswith("UV_") and name not in PASSED and name not in OPENING_ENVIRONMENT[0]
        if of_python or of_uv or name in _OTHERS or name.startswith("XDG_"):
            raise NotExact(f"it sets the variable {name}")


def _homes(variables: Mapping[str, str], passwd: bytes) -> Iterable[str]:
    """Where uv's home may be, besides /root. Raises NotExact for a strange one."""
    fields = [line.split(":") for line in passwd.decode("utf-8", "replace").splitlines()]
    named = [each[5] for each in fields if len(each) > 5 and (each[0] == "root" or each[2] == "0")]
    for home in (variables.get("HOME", ""), *named):
        if home and not is_plain(home):
            raise NotExact(f"its home folder is {home!r}")
        if home:
            yield home


def _in_folder(folder: str, version: str, inventory: Inventory) -> tuple[str, ...]:
    """Paths of the names that uv looks for in a folder of PATH. Raises NotExact for a folder that it may see
    differently."""
    if not is_plain(folder):
        raise NotExact(f"its PATH has {folder!r}")
    place = inventory.resolve(folder)
    there = inventory.get(place)
    if there is None or there.kind != "directory":
        return ()
    names = (f"python{version}", "python3", "python")
    return tuple(join(folder, name) for name in names if join(place, name) in inventory)


def _one_interpreter(version: str, found: tuple[str, ...], inventory: Inventory) -> BasePython:
    programs = {inventory.resolve(path) for path in found}
    if len(programs) > 1:
        raise NotExact(f"its {parent(found[0])} has several interpreters: {sorted(programs)!r:.200}")
    python = BasePython(version=version, found=found, program=programs.pop())
    entry = inventory.get(python.program)
    if entry is None or entry.kind != "file" or not entry.mode & 0o111:
        raise NotExact(f"its {found[0]} is no program")
    if not python.program.endswith(f"/bin/python{version}"):
        raise NotExact(f"its {found[0]} is {python.program!r:.200}, not Python {version}")
    if not _ORDINARY.fullmatch(f"{python.folder}{python.program}"):
        raise NotExact(f"its {found[0]!r:.200} has an unusual name")
    library = inventory.get(inventory.resolve(f"{python.prefix}/lib/python{version}/os.py"))
    if library is None or library.kind != "file":
        raise NotExact(f"its {python.program} has no library beside it")
    folders = {python.folder, inventory.resolve(python.folder), parent(python.program)}
    for place in sorted(folders | {parent(each) for each in folders}):
        for name in _OTHER_PLACES:
            if join(place, name) in inventory:
                raise NotExact(f"its {found[0]} is of another environment, {place!r:.200}")
    return python
