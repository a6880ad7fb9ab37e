"""Copies files of the context as COPY does: BuildKit's solver/llbsolver/file and fsutil's copy package."""

import os
import posixpath
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from boatyard.dockerfile.parse.words import Lexer, WordError
from boatyard.dockerfile.quoting import expandable
from boatyard.links import follow
from boatyard.spec import CopyConfig
from boatyard_layers.errors import NotExact
from boatyard_layers.inventory import Inventory, join, parent
from boatyard_layers.model import PathEntry
from boatyard_layers.owners import owner_ids
from boatyard_layers.pack import LayerItem

_PATTERN: Final = re.compile(r"[*?\[\]\\]|\s\Z")
"""What the Dockerfile has to write as a pattern (`boatyard.dockerfile.quoting.copy_source`)."""


def copy(
    layer: CopyConfig,
    context: Path,
    inventory: Inventory,
    workdir: str,
    env: Mapping[str, str],
    owner: str,
    passwd: bytes,
    group: bytes,
) -> list[LayerItem]:
    """The entries that COPY adds to an image with `inventory`, sorted by path.

    `owner` is that of --chown, empty for root, and `passwd` and `group` are the image's files that its names are found
    in. `env` has the variables that the destination may refer to, build arguments included. Existing directories keep
    their owner and mode, except those that are below the source; missing ones get `owner` and 0755. Raises NotExact
    for what BuildKit refuses, too: its message is the one that a user should see.
    """
    uid, gid = owner_ids(owner, passwd, group)
    copying = _Copying(inventory, uid, gid)
    source = _source(context, layer.src)
    wanted = _destination(layer.dst, workdir, env)
    place = inventory.resolve(wanted)
    there = inventory.get(place)
    if wanted.endswith("/") and there is None and wanted != "/":
        copying.folder(place)
        there = copying.get(place)
    if source.is_dir():
        copying.folder(place)
        copying.tree(source, place)
    else:
        if there is not None and there.kind == "directory":
            place = join(place, posixpath.basename(posixpath.normpath(f"/{layer.src}")))
        elif wanted.endswith("/"):
            raise NotExact(f"{wanted!r} is a file in the image, and COPY wants a directory")
        copying.folder(parent(place))
        copying.add(source, place)
    return copying.items()


class _Copying:
    """The entries so far, on top of the image's."""

    def __init__(self, inventory: Inventory, uid: int, gid: int) -> None:
        self._inventory = inventory
        self._uid = uid
        self._gid = gid
        self._made: dict[str, LayerItem] = {}

    def items(self) -> list[LayerItem]:
        return [self._made[path] for path in sorted(self._made)]

    def get(self, path: str) -> PathEntry | None:
        made = self._made.get(path)
        return made.entry if made else self._inventory.get(path)

    def folder(self, path: str) -> None:
        """Makes a directory and its parents if they are missing."""
        missing: list[str] = []
        while (there := self.get(path)) is None:
            missing.append(path)
            path = parent(path)
        if there.kind != "directory":
            raise NotExact(f"{path!r} is no directory in the image, and COPY needs one there")
        for each in reversed(missing):
            self._put(PathEntry(path=each, kind="directory", mode=0o755))

    def tree(self, source: Path, place: str) -> None:
        """Copies what is in a directory, with the owners and modes that directories below it have in the context."""
        pending = [(source, place)]
        while pending:
            folder, at = pending.pop()
            for inner in sorted(folder.iterdir()):
                target = join(at, inner.name)
                if stat.S_ISDIR(inner.lstat().st_mode):
                    self._subfolder(inner, target)
                    pending.append((inner, target))
                else:
                    self.add(inner, target)

    def add(self, source: Path, place: str) -> None:
        """Copies a file or a link."""
        _check_name(place)
        there = self._inventory.get(place)
        if there is not None and there.kind == "directory":
            raise NotExact(f"{place!r} is a directory in the image, and COPY has a file for it")
        about = source.lstat()
        if stat.S_ISREG(about.st_mode):
            if about.st_nlink > 1:
                raise NotExact(f"{place!r} is a hard link in the context")
            entry = PathEntry(path=place, mode=about.st_mode & 0o7777, size=about.st_size)
            self._put(entry, source)
        elif stat.S_ISLNK(about.st_mode):
            target = _text(os.readlink(source))  # noqa: PTH115  # pathlib rewrites it
            self._put(PathEntry(path=place, kind="symlink", mode=0o777, target=target))
        else:
            raise NotExact(f"{place!r} would be neither a file, a directory nor a link")

    def _subfolder(self, source: Path, place: str) -> None:
        _check_name(place)
        there = self._inventory.get(place)
        if there is not None and there.kind != "directory":
            raise NotExact(f"{place!r} is no directory in the image, and COPY has one for it")
        self._put(PathEntry(path=place, kind="directory", mode=source.lstat().st_mode & 0o7777))

    def _put(self, entry: PathEntry, source: Path | None = None) -> None:
        owned = msgspec.structs.replace(entry, uid=self._uid, gid=self._gid)
        if source is None and owned == self._inventory.get(owned.path):
            return
        self._made[owned.path] = LayerItem(owned, source)


def _source(context: Path, path: str) -> Path:
    """The file or directory, with links followed as if the context were the root of all."""
    if _PATTERN.search(path):
        raise NotExact(f"{path!r} has characters that COPY reads as a pattern")

    def target_of(at: str) -> str | None:
        try:
            return os.readlink(context / at)  # noqa: PTH115  # as above
        except OSError:
            return None

    way = follow(path, target_of)
    found = context / way.end
    if way.endless or not os.path.lexists(found):
        raise NotExact(f"the context has no {path!r}")
    return found


def _destination(path: str, workdir: str, env: Mapping[str, str]) -> str:
    """Absolute; with a slash at the end if it is to be a directory, whatever the image has there."""
    try:
        wanted = Lexer(env).word(expandable(path))
    except WordError as error:
        raise NotExact(f"the destination {path!r} cannot be expanded: {error}") from None
    if not wanted or "\\" in wanted or wanted.endswith("/.") or "\0" in wanted:
        raise NotExact(f"the destination {path!r} is read by BuildKit in its own way")
    as_folder = wanted.endswith("/") or wanted == "."
    plain = "/" + posixpath.normpath(posixpath.join("/", workdir, wanted)).strip("/")
    _check_name(plain)
    return f"{plain}/" if as_folder and plain != "/" else plain


def _check_name(path: str) -> None:
    if any(part.startswith(".wh.") for part in _text(path).split("/")):
        raise NotExact(f"{path!r} has a name that hides files in a layer")


def _text(name: str) -> str:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise NotExact(f"the context has the name {ascii(name)[:200]}, which is not UTF-8") from None
    return name
