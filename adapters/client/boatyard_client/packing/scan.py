"""Walks a source and lists the entries for a context. It reads only folders and links.

Contexts can have a hundred thousand files: the walk makes one system call for each file, and handles names as text.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol, TypeAlias, runtime_checkable

from boatyard.archive import BadEntry, check_link, check_path, plain_mode
from boatyard.context import FOLDER_MODE
from boatyard.errors import BoatyardError
from boatyard_client.errors import ContextError
from boatyard_client.packing.item import Item, Stamp

_STATE: Final = ".boatyard"
"""The data of `boatyard serve`, including secrets: never part of an image, and always changing."""

_SHORT_NAME: Final = 255
_SHORT_PATH: Final = 1024
_SHALLOW: Final = 64
"""ASCII names and paths up to these lengths and this depth are valid without further checks."""

Ignore: TypeAlias = Callable[[str], bool]
"""Whether a path below the source (forward slashes) is excluded; for a folder, with everything below it."""


@runtime_checkable
class ReenteringIgnore(Protocol):
    """An Ignore with exceptions: files below an ignored folder may still be included."""

    def __call__(self, path: str, /) -> bool: ...

    def may_keep_below(self, folder: str, /) -> bool: ...


class PathFilter(Protocol):
    """Decides which paths below the source are needed (`boatyard_client.packing.reach`)."""

    def has_all_of(self, path: str, /) -> bool: ...

    def passes(self, path: str, /) -> bool: ...


class Scan:
    """One source: a file, or a folder.

    With `as_docker`, a folder is read like a Dockerfile's context: links stay links wherever they lead, full modes,
    empty folders and FIFOs are kept, sockets are excluded; `reach` selects the needed paths.

    Otherwise it is read like flyte's SDK copies it: a link to a file becomes that file, wherever it is; links to
    folders and broken links are excluded, and so are empty folders; modes are 0644 or 0755, because the umask of a
    checkout must not change a key.
    """

    def __init__(self, path: str, source: Path, ignore: Ignore | None, *, as_docker: bool) -> None:
        self.path = path
        self.source = source
        self.ignore = ignore
        self._may_keep_below = ignore.may_keep_below if isinstance(ignore, ReenteringIgnore) else _never
        self.as_docker = as_docker
        self.reach: PathFilter | None = None
        self.left_out: list[str] = []
        """Links that were neither followed nor kept."""

    def items(self) -> list[Item]:
        self.left_out.clear()
        found = _stat(self.source)
        source = str(self.source)
        if not stat.S_ISDIR(found.st_mode):
            return [self._file(self.path, source, found)]
        items = [] if self.path == "." else [Item(self.path, "folder", source, FOLDER_MODE)]
        self._walk(source, "", items, self.reach)
        return items

    def _walk(self, folder: str, below: str, items: list[Item], reach: "PathFilter | None") -> None:
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=_name)
        except OSError as error:
            raise unreadable(folder, error) from None
        ignore, as_docker = self.ignore, self.as_docker
        prefix = below if self.path == "." else f"{self.path}/{below}"
        for entry in entries:
            name = entry.name
            relative = below + name
            is_folder = entry.is_dir(follow_symlinks=False)
            within = reach
            if reach is not None:
                if reach.has_all_of(relative):
                    within = None
                elif not reach.passes(relative):
                    continue
            ignored = ignore is not None and ignore(relative)
            if is_folder and name == _STATE:
                continue
            if ignored and not (is_folder and self._may_keep_below(relative)):
                continue
            source = entry.path
            path = prefix + name
            plain = path.isascii() and len(name) <= _SHORT_NAME and len(path) <= _SHORT_PATH
            if not plain or path.count("/") > _SHALLOW:
                _check(path, source)
            if is_folder:
                mode = stat.S_IMODE(_lstat(entry).st_mode) if as_docker else FOLDER_MODE
                items.append(Item(path, "folder", source, mode))
                so_far = len(items)
                self._walk(source, relative + "/", items, within)
                if len(items) == so_far and (ignored or not as_docker):
                    items.pop()  # it is empty
            elif entry.is_symlink():
                if (item := self._link(path, source)) is not None:
                    items.append(item)
            else:
                found = _lstat(entry)
                if not (as_docker and stat.S_ISSOCK(found.st_mode)):
                    items.append(self._file(path, source, found))

    def _file(self, path: str, source: str, found: os.stat_result) -> Item:
        mode = found.st_mode
        if stat.S_ISREG(mode):
            kept = stat.S_IMODE(mode) if self.as_docker else plain_mode(mode)
            return Item(path, "file", source, kept, Stamp.of(found))
        if self.as_docker and stat.S_ISFIFO(mode):
            return Item(path, "fifo", source, stat.S_IMODE(mode))
        raise ContextError(
            f"{shown(source)} is {_what(mode)} and cannot be part of an image",
            advice="Remove it, or leave it out with a .dockerignore.",
        )

    def _link(self, path: str, source: str) -> Item | None:
        if not self.as_docker:
            try:
                found = os.stat(source)  # noqa: PTH116 - a Path would cost more than the call
            except OSError:
                found = None
            if found is None or not stat.S_ISREG(found.st_mode):
                self.left_out.append(shown(source))
                return None
            return Item(path, "file", source, plain_mode(found.st_mode), Stamp.of(found))
        try:
            target = os.readlink(source)  # noqa: PTH115 - a Path would rewrite `./x`
        except OSError as error:
            raise unreadable(source, error) from None
        try:
            check_link(path, target)
        except BoatyardError as error:
            raise _unfit(f"the link {shown(source)}", error, "Remove it") from None
        return Item(path, "link", source, target=target)


def unreadable(path: str | Path, error: OSError) -> ContextError:
    reason = (error.strerror or str(error)).lower()
    return ContextError(f"{shown(path)} cannot be read: {reason}")


def shown(path: str | Path) -> str:
    """A printable form of a path with any bytes in its name."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _stat(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise unreadable(path, error) from None


def _lstat(entry: os.DirEntry[str]) -> os.stat_result:
    try:
        return entry.stat(follow_symlinks=False)
    except OSError as error:
        raise unreadable(entry.path, error) from None


def _check(path: str, source: str) -> None:
    try:
        check_path(path)
    except BoatyardError as error:
        raise _unfit(f"the name of {shown(source)}", error, "Rename it") from None


def _unfit(what: str, error: BoatyardError, cure: str) -> ContextError:
    reason = error.what if isinstance(error, BadEntry) else error.detail
    return ContextError(f"{what} {reason}", advice=f"{cure}, or leave it out with a .dockerignore.")


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _never(folder: str) -> bool:
    return False


def _what(mode: int) -> str:
    if stat.S_ISSOCK(mode):
        return "a socket"
    if stat.S_ISFIFO(mode):
        return "a pipe"
    return "a device" if stat.S_ISBLK(mode) or stat.S_ISCHR(mode) else "not an ordinary file"
