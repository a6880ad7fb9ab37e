"""Which files of an image an interpreter needs to compile byte code."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from boatyard_layers.inventory import Inventory, join, parent
from boatyard_layers.model import PathEntry

LIBRARY: Final = re.compile(
    r"/(ld-(linux|musl)[^/]*|lib(c|m|dl|rt|util|pthread|z|expat|crypto|ssl|ffi|bz2|lzma|uuid|gcc_s|python3[^/]*)"
    r"(-[0-9.]+)?)\.so(\.[0-9.]+)?\Z"
)
_PROGRAM: Final = re.compile(r"/bin/python3(\.[0-9]+)?\Z")
_STANDARD: Final = re.compile(r"/lib/python3(\.[0-9]+)?/")
_LEFT_OUT: Final = re.compile(
    r"/(site-packages|dist-packages|test|tests|idlelib|tkinter|turtledemo|ensurepip|lib2to3|__pycache__)/"
    r"|\.(a|o|opt-[12]\.pyc)\Z"
)
_OF_ONE_BUILD: Final = re.compile(r"/(site-packages|dist-packages|config-[^/]*)/|/_sysconfig[^/]*\Z")
_MOST: Final = 128 * 1024**2


def is_part(path: str, python: str) -> bool:
    """Whether the interpreter at the path `python` needs this file."""
    if path == python or LIBRARY.search(path):
        return True
    if not path.startswith(join(parent(parent(python)), "lib/python3")):
        return False
    return _is_standard(path)


def same_library(program: str, inventory: Inventory, other: Inventory) -> bool:
    """Whether two images have the same version of the interpreter at this path: each release changes its library."""
    library = f"{parent(parent(program))}/lib/python3"
    sources = [each for each in inventory if each.path.startswith(library) and _is_of_every_build(each.path)]
    return all((there := other.get(each.path)) is not None and there.size == each.size for each in sources)


def _is_of_every_build(path: str) -> bool:
    """Some files describe how it was built, and for which architecture."""
    return path.endswith(".py") and not _OF_ONE_BUILD.search(path)


def _is_standard(path: str) -> bool:
    return bool(_STANDARD.search(path)) and not _LEFT_OUT.search(path)


class PartsFilter:
    """Keeps the parts of every interpreter of an image, while its layers are read for something else."""

    def __init__(self, keep: Callable[[PathEntry], bool]) -> None:
        self._keep = keep
        self._total = 0

    def __call__(self, entry: PathEntry) -> bool:
        if self._keep(entry):
            return True
        path = entry.path
        if self._total > _MOST or not (LIBRARY.search(path) or _PROGRAM.search(path) or _is_standard(path)):
            return False
        self._total += entry.size
        return self._total <= _MOST

    def found(self, files: Mapping[str, bytes]) -> Mapping[str, bytes] | None:
        """None for more than this keeps in memory; then the layers are read again."""
        return files if self._total <= _MOST else None
