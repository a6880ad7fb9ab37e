"""Where the files of a context come from, and what they are called in it.

Names are numbers and base names, such as `0/requirements.txt` and `2/app`: never a path of this machine,
so that the same project has the same key wherever it lies.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from boatyard.errors import invalid
from boatyard_client.packing import Ignore

_UNCLEAN = re.compile(r"[^A-Za-z0-9._@+-]+")
_UNCOPYABLE = re.compile(r"[\\\x00-\x1f\x7f]")
_LONGEST = 100


@dataclass(frozen=True)
class Source:
    """A file or folder of this machine and its name in the context."""

    path: str
    file: Path
    ignore: Ignore | None = None


class Sources:
    """Collects the sources of one image and numbers them."""

    def __init__(self) -> None:
        self.all: list[Source] = []
        self._used = 0

    def place(self, name: str = "") -> str:
        """A new, empty folder of the context: `3/name`, or `3` alone. `name` is cleaned."""
        number = str(self._used)
        self._used += 1
        return f"{number}/{clean(name)}" if name else number

    def put(self, path: str, file: Path, ignore: Ignore | None = None) -> str:
        self.all.append(Source(path, file, ignore))
        return path


def clean(name: str) -> str:
    """A base name that every place of a Dockerfile takes: letters, digits and . _ @ + - only."""
    cleaned = _UNCLEAN.sub("_", name).strip("._") or "files"
    return cleaned[:_LONGEST]


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
    raise invalid(f"{call}: {str(path)!r} {what} (looked for from {Path.cwd()})")
