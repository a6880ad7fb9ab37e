"""Maps names in the context to local files.

Names are numbers and fixed names, such as `0/requirements.txt` and `2/project`, and never local paths, so that a
project's key does not depend on where its folder is or what it is called.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from boatyard.errors import invalid
from boatyard_client.packing import Ignore, Packer

_UNCOPYABLE = re.compile(r"[\\\x00-\x1f\x7f]")


@dataclass(frozen=True)
class FileSource:
    """A local file or folder, or a generated file as bytes, with its name in the context."""

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
        self.all: list[FileSource] = []
        self._used = 0

    def place(self, name: str = "") -> str:
        """Reserves a new folder of the context: `3/name`, or just `3`."""
        number = str(self._used)
        self._used += 1
        return f"{number}/{name}" if name else number

    def put(self, path: str, file: Path | bytes, ignore: Ignore | None = None) -> str:
        self.all.append(FileSource(path, file, ignore))
        return path


def copyable(name: str) -> bool:
    """Whether COPY can use a base name without quoting."""
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
