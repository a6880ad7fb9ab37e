"""Walks a source and says what of it belongs into a context. Nothing is read but folders and links."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Protocol, TypeAlias, runtime_checkable

from boatyard.archive import check_link, check_path
from boatyard.errors import BoatyardError
from boatyard_client.errors import ContextError
from boatyard_client.packing.item import Item, Stamp

_STATE: Final = ".boatyard"
"""Where `boatyard serve` keeps what it has, secrets included: never part of an image, and always changing."""

Ignore: TypeAlias = Callable[[str], bool]
"""Says of a path below the source (forward slashes) whether it is left out; a folder with all below it."""


@runtime_checkable
class ReenteringIgnore(Protocol):
    """An Ignore with exceptions: what is below an ignored folder may still be wanted."""

    def __call__(self, path: str, /) -> bool: ...

    def may_keep_below(self, folder: str, /) -> bool: ...


class Scan:
    """One source folder. `links` says what happens to symbolic links.

    follow: a link to a file becomes that file, wherever it is; links to folders and links to nothing are
    left out, and so are empty folders. That is what the flyte SDK's own copy does.
    keep: links stay links and must lead to something inside; empty folders stay. That is what a Dockerfile
    sees of its context.
    """

    def __init__(self, path: str, source: Path, ignore: Ignore | None, *, keep_links: bool) -> None:
        self.path = path
        self.source = source
        self._ignore = ignore
        self._keep_links = keep_links
        self.left_out: list[str] = []
        """Links that were neither followed nor kept."""

    def items(self) -> Iterator[Item]:
        found = _stat(self.source)
        if stat.S_ISDIR(found.st_mode):
            if self.path != ".":
                yield Item(self.path, "folder", self.source)
            yield from self._folder(self.source, "")
        else:
            yield self._file(self.path, self.source, found)

    def _folder(self, folder: Path, below: str) -> Iterator[Item]:
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            raise unreadable(folder, error) from None
        for entry in entries:
            relative = f"{below}{entry.name}"
            source = folder / entry.name
            ignored = self._ignore is not None and self._ignore(relative)
            is_folder = entry.is_dir(follow_symlinks=False)
            if is_folder and entry.name == _STATE:
                continue
            if ignored and not (is_folder and self._may_keep_below(relative)):
                continue
            path = _checked(relative if self.path == "." else f"{self.path}/{relative}", source)
            if is_folder:
                inner = self._folder(source, relative + "/")
                if self._keep_links and not ignored:
                    yield Item(path, "folder", source)
                    yield from inner
                else:
                    yield from _unless_empty(Item(path, "folder", source), inner)
            elif entry.is_symlink():
                if (item := self._link(path, relative, source)) is not None:
                    yield item
            else:
                yield self._file(path, source, _stat(source))

    def _may_keep_below(self, folder: str) -> bool:
        return isinstance(self._ignore, ReenteringIgnore) and self._ignore.may_keep_below(folder)

    def _file(self, path: str, source: Path, found: os.stat_result) -> Item:
        if not stat.S_ISREG(found.st_mode):
            raise ContextError(
                f"{source} is {_what(found.st_mode)} and cannot be part of an image",
                advice="Remove it, or leave it out with a .dockerignore.",
            )
        return Item(path, "file", source, Stamp.of(found))

    def _link(self, path: str, relative: str, source: Path) -> Item | None:
        if not self._keep_links:
            try:
                found = source.stat()
            except OSError:
                found = None
            if found is None or not stat.S_ISREG(found.st_mode):
                self.left_out.append(str(source))
                return None
            return Item(path, "file", source, Stamp.of(found))
        try:
            target = os.readlink(source)  # noqa: PTH115 - a Path would rewrite `./x`
        except OSError as error:
            raise unreadable(source, error) from None
        try:
            check_link(relative, target)
        except BoatyardError:
            raise ContextError(
                f"{source} is a link to {target!r}, which leads out of {self.source}",
                advice="Copy the file in its place, or leave the link out with a .dockerignore.",
            ) from None
        return Item(path, "link", source, target=target)


def unreadable(path: Path, error: OSError) -> ContextError:
    reason = (error.strerror or str(error)).lower()
    return ContextError(f"{shown(path)} cannot be read: {reason}")


def shown(path: Path) -> str:
    """A path that can be printed, whatever bytes are in its name."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _stat(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise unreadable(path, error) from None


def _checked(path: str, source: Path) -> str:
    try:
        return check_path(path)
    except BoatyardError as error:
        reason = error.detail.partition("' of the archive ")[2] or error.detail
        raise ContextError(
            f"the name of {shown(source)} {reason}",
            advice="Rename it, or leave it out with a .dockerignore.",
        ) from None


def _unless_empty(folder: Item, inner: Iterator[Item]) -> Iterator[Item]:
    first = next(inner, None)
    if first is not None:
        yield folder
        yield first
        yield from inner


def _what(mode: int) -> str:
    if stat.S_ISSOCK(mode):
        return "a socket"
    if stat.S_ISFIFO(mode):
        return "a pipe"
    return "a device" if stat.S_ISBLK(mode) or stat.S_ISCHR(mode) else "not an ordinary file"
