"""Where the files of a context come from, and what they are called in it.

Names are numbers and fixed names, such as `0/requirements.txt` and `2/project`: never a path of this machine, so that
the same project has the same key wherever it lies and whatever its folder is called.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from boatyard.errors import invalid
from boatyard_client.packing import Ignore, Packer

_UNCOPYABLE = re.compile(r"[\\\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Source:
    """A file or folder of this machine and its name in the context; or a file that is made, as bytes."""

    path: str
    file: Path | bytes
    ignore: Ignore | None = None

    def add_to(self, packer: Packer) -> None:
        if isinstance(self.file, bytes):
            packer.add_bytes(self.path, self.file)
        else:
            packer.add(self.path, self.file, ignore=self.ignore)


class Sources:
    """Collects the sources of one image and numbers them."""

    def __init__(self) -> None:
        self.all: list[Source] = []
        self._used = 0

    def place(self, name: str = "") -> str:
        """A new, empty folder of the context: `3/name`, or `3` alone."""
        number = str(self._used)
        self._used += 1
        return f"{number}/{name}" if name else number

    def put(self, path: str, file: Path | bytes, ignore: Ignore | None = None) -> str:
        self.all.append(Source(path, file, ignore))
        return path


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
