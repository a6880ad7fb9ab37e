"""Finds the files in which two trees differ."""

from collections.abc import Iterable

from boatyard.context import Entry
from boatyard.diff.model import FileChange, Side


def tree_of(path: str, side: Side) -> str | None:
    """The digest in the key for a path; see `boatyard.key`."""
    return None if side.context is None else side.context.trees.get(path) or side.context.sha256


def file_changes(path: str, before: Side, after: Side) -> tuple[FileChange, ...]:
    """Changed files by name, if the sides have entries."""
    old, new = _below(path, before.entries), _below(path, after.entries)
    found: list[FileChange] = []
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name), new.get(name)
        if was == now:
            continue
        if was is None or now is None:
            found.append(FileChange("added" if was is None else "removed", name))
        elif (was.kind, was.size, was.content) == (now.kind, now.size, now.content):
            found.append(FileChange("mode", name))
        else:
            found.append(FileChange("changed", name))
    return tuple(found)


def _below(path: str, entries: Iterable[Entry]) -> dict[str, Entry]:
    folder = "" if path == "." else path.removesuffix("/") + "/"
    found: dict[str, Entry] = {}
    for entry in entries:
        if entry.kind == "folder" and entry.path.startswith(folder):
            found.setdefault(entry.path.removeprefix(folder) + "/", entry)
        elif entry.path.startswith(folder) or entry.path + "/" == folder:
            found.setdefault(entry.path.removeprefix(folder), entry)
    return found


def count(files: tuple[FileChange, ...]) -> str:
    if not files:
        return ""
    first = f"{files[0].change} {files[0].path}"
    return f": {first}" if len(files) == 1 else f": {first} and {len(files) - 1} more"
