"""Finds uv's workspaces and settings files."""

import fnmatch
import os
from collections.abc import Iterator
from pathlib import Path

from boatyard.errors import invalid
from boatyard_flyte.lowering.projects.paths import normal
from boatyard_flyte.lowering.projects.pyproject import Pyproject, strings


def workspace_of(project: Pyproject, call: str) -> Pyproject | None:
    """The workspace root of a project: its own folder, or the nearest parent project that has it as a member."""
    if "workspace" in project.uv:
        return project
    if project.uv.get("managed") is False:
        return None
    for folder in project.folder.parents:
        if not (folder / "pyproject.toml").is_file():
            continue
        above = Pyproject.read(folder, call)
        if "workspace" not in above.uv:
            return None
        return (
            above
            if _matches(project.folder, above, "members") and not _matches(project.folder, above, "exclude")
            else None
        )
    return None


def members(root: Pyproject, call: str) -> list[Pyproject]:
    """The projects of a workspace by folder, including the root if it is a project."""
    found = {root.folder: root} if root.table("project") else {}
    for pattern in strings(root.table("tool", "uv", "workspace").get("members")):
        for folder in _glob(root.folder, pattern, call):
            if folder in found or _matches(folder, root, "exclude") or not (folder / "pyproject.toml").is_file():
                continue
            member = Pyproject.read(folder, call)
            if member.uv.get("managed") is not False:
                found[folder] = member
    return [found[folder] for folder in sorted(found)]


def settings_file(start: Path, call: str) -> Path | None:
    """The uv.toml or pyproject.toml with uv's settings: in the folder or the nearest parent."""
    for folder in (start, *start.parents):
        if (folder / "uv.toml").is_file():
            return folder / "uv.toml"
        if (folder / "pyproject.toml").is_file() and Pyproject.read(folder, call).uv:
            return folder / "pyproject.toml"
    return None


def _glob(root: Path, pattern: str, call: str) -> Iterator[Path]:
    try:
        # A pattern may start with `./`, and may leave the root with `../`.
        relative = os.path.normpath(pattern)
        start = root
        while relative.startswith("../"):
            start, relative = start.parent, relative.removeprefix("../")
        if relative in (".", ".."):
            yield normal(start / relative)
            return
        yield from (normal(path) for path in sorted(start.glob(relative)) if path.is_dir())
    except (ValueError, NotImplementedError, IndexError, OSError) as error:
        raise invalid(f"{call}: the workspace member {pattern!r} is not a pattern of folders: {error}") from None


def _matches(folder: Path, root: Pyproject, kind: str) -> bool:
    path = os.path.relpath(folder, root.folder)
    patterns = strings(root.table("tool", "uv", "workspace").get(kind))
    return any(fnmatch.fnmatchcase(path, os.path.normpath(pattern).replace("**/", "*")) for pattern in patterns)
