"""The parts of an image's interpreter: its program, loader and standard library, and the libraries that Python links.

They are an artifact of their own, so another machine does not read the base's layers for them.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from boatyard import canonical
from boatyard.decoding import Undecodable
from boatyard.reference import Repository
from boatyard_layers.artifacts import inflated
from boatyard_layers.base import downloaded, with_layer
from boatyard_layers.errors import NotExact
from boatyard_layers.interpreter_parts import LIBRARY, is_part
from boatyard_layers.inventory import Inventory, is_plain, parent
from boatyard_layers.model import LayerBlob, PathEntry
from boatyard_layers.store import LayerStore

_LOADER: Final = re.compile(rb"\A\x7fELF.{0,16384}?(/[\x21-\x7e]{0,200}/ld-[\x21-\x7e]{1,100})\0", re.DOTALL)
_LARGEST: Final = 300 * 1024**2
"""Bytes of all parts, in memory while they are collected."""


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """An interpreter as it is stored."""

    key: str
    python: str
    """The program's path in the image, with no link on the way."""
    loader: str
    libraries: tuple[str, ...]
    """Folders with shared libraries."""
    files: dict[str, bytes]
    """By path in the image."""


def decode_parts(data: bytes) -> Parts | None:
    """None for anything else."""
    try:
        parts = msgspec.msgpack.decode(inflated(data), type=Parts) if data else None
    except (Undecodable, msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    if parts is None or not all(is_plain(path) for path in (*parts.files, parts.python, parts.loader)):
        return None
    return parts


def collect(
    key: str, inventory: Inventory, python: str, layers: Sequence[LayerBlob], repository: Repository, store: LayerStore
) -> Parts:
    total = 0

    def keep(entry: PathEntry) -> bool:
        nonlocal total
        if not is_part(entry.path, python):
            return False
        total += entry.size
        if total > _LARGEST:
            raise NotExact(f"the interpreter has more than {_LARGEST:,} bytes")
        return True

    known = store.take_files([layer.digest for layer in layers])
    if known is not None and python in known:
        files = {path: data for path, data in known.items() if keep(PathEntry(path=path, size=len(data)))}
    else:
        view, files = Inventory.empty(), dict[str, bytes]()
        for layer, path in downloaded(layers, repository, store.blobs):
            view, files = with_layer(view, files, layer, path, keep)
    for entry in inventory:
        # The names by which programs look for a library are links.
        if entry.kind in ("symlink", "hardlink") and is_part(entry.path, python):
            real = inventory.resolve(entry.path if entry.kind == "symlink" else entry.target)
            if real in files:
                files[entry.path] = files[real]
    named = _LOADER.match(files.get(python, b""))
    if named is None:
        raise NotExact(f"{python} is not linked in a way that this can run")
    loader = inventory.resolve(named[1].decode())
    if loader not in files:
        raise NotExact(f"the image has no {named[1].decode()}")
    libraries = sorted({parent(path) for path in files if LIBRARY.search(path)})
    return Parts(key=key, python=python, loader=loader, libraries=tuple(libraries), files=dict(sorted(files.items())))


def identity_of(parts: Parts) -> str:
    files = sorted((path, hashlib.sha256(data).digest()) for path, data in parts.files.items())
    return canonical.digest(("boatyard/interpreter/files/1", tuple(files)))


def write_parts(parts: Parts, folder: Path) -> None:
    for path, data in parts.files.items():
        place = folder / path[1:]
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
            if path in (parts.python, parts.loader):
                place.chmod(0o755)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise NotExact(f"the image has {path} twice") from None
