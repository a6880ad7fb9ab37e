"""Folders of wheels that uv's settings name: `find-links`, and indexes that are paths."""

from pathlib import Path
from typing import Any

from boatyard.errors import invalid
from boatyard_flyte.lowering.projects.paths import is_remote, local_path, normal
from boatyard_flyte.lowering.projects.pyproject import strings
from boatyard_flyte.lowering.projects.tree import Tree


def add_indexes(tree: Tree, settings: dict[str, Any], folder: Path, call: str) -> None:
    """Adds these folders to the tree. Paths are relative to `folder`, which has the settings. Raises INVALID_SPEC."""
    indexes = settings.get("index")
    named = [item.get("url") for item in indexes if isinstance(item, dict)] if isinstance(indexes, list) else []
    named += [
        settings.get("index-url"),
        *strings(settings.get("extra-index-url")),
        *strings(settings.get("find-links")),
    ]
    for reference in named:
        if not isinstance(reference, str) or is_remote(reference):
            continue
        path = local_path(reference, folder)
        if path is None:
            continue
        if reference.startswith(("/", "file:///")):
            raise invalid(
                f"{call}: the index {reference!r} is a path of this machine, which no image has; name it by a "
                "relative path"
            )
        if not path.is_dir():
            raise invalid(f"{call}: the index {reference!r} is no folder: there is no {str(path)!r}")
        tree.folders.setdefault(normal(path), None)
