"""Where the files of a context come from, and what they are called in it.

Names are numbers and base names, such as `0/requirements.txt` and `2/app`: never a path of this machine,
so that the same project has the same key wherever it lies.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from boatyard.errors import BoatyardError

_UNCLEAN = re.compile(r"[^A-Za-z0-9._@+-]+")
_UNCOPYABLE = re.compile(r"[\\\x00-\x1f\x7f]")


class Sources:
    """Collects the files of one image. `paths` maps names in the context to files of this machine."""

    def __init__(self) -> None:
        self.paths: dict[str, Path] = {}
        self._used = 0

    def folder(self, name: str = "") -> str:
        """A new, empty place: `3/name`, or `3` alone. `name` is cleaned."""
        number = str(self._used)
        self._used += 1
        return f"{number}/{clean(name)}" if name else number

    def put(self, name: str, file: Path) -> str:
        self.paths[name] = file
        return name

    def put_all(self, place: str, files: Iterable[tuple[str, Path]]) -> int:
        """Put files with paths relative to `place`; returns how many there were."""
        count = 0
        for relative, file in files:
            self.paths[f"{place}/{relative}"] = file
            count += 1
        return count


def clean(name: str) -> str:
    """A base name that every place of a Dockerfile takes: letters, digits and . _ @ + - only."""
    cleaned = _UNCLEAN.sub("_", name).strip("._") or "files"
    return cleaned[:100]


def copyable(name: str) -> bool:
    """Whether a base name can stand in COPY as it is."""
    return _UNCOPYABLE.search(name) is None


def existing(path: Path, call: str, *, folder: bool = False) -> Path:
    """The path, if it is a file (or a folder). Raises INVALID_SPEC with the SDK call that names it."""
    if folder and not path.is_dir():
        what = "is not a folder" if path.exists() else "does not exist"
    elif not folder and not path.is_file():
        what = "is not a file" if path.exists() else "does not exist"
    else:
        return path
    raise BoatyardError("INVALID_SPEC", f"{call}: {str(path)!r} {what} (looked for from {Path.cwd()})")
