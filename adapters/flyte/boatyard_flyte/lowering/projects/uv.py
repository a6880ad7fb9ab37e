"""Finds the local files that uv reads to resolve, check and install a project."""

from pathlib import Path
from typing import Any

from boatyard_flyte.lowering.projects.indexes import add_indexes
from boatyard_flyte.lowering.projects.paths import normal
from boatyard_flyte.lowering.projects.pyproject import Pyproject, read_toml
from boatyard_flyte.lowering.projects.tree import Tree
from boatyard_flyte.lowering.projects.walk import ProjectUse, Walk
from boatyard_flyte.lowering.projects.workspace import settings_file, workspace_of


def uv_tree(pyproject: Path, wanted: ProjectUse, *, lock: Path | None = None) -> Tree:
    """The tree for `uv sync` in the folder of a pyproject.toml, which may have another name.

    `lock` replaces the lock of the project or the workspace.
    """
    project = Pyproject.read(pyproject.parent, wanted.call, file=pyproject)
    workspace = workspace_of(project, wanted.call)
    root = workspace.folder if workspace else project.folder
    lock = lock or (root / "uv.lock" if (root / "uv.lock").is_file() else None)
    walk = Walk(project, workspace, wanted, locked=lock is not None)
    tree = walk.tree()
    tree.files[project.folder / "pyproject.toml"] = normal(pyproject)
    if lock:
        tree.files[root / "uv.lock"] = lock
    for place in {root, project.folder}:
        for name in (".python-version", ".python-versions"):
            tree.add_file(place / name)
    if root != project.folder:
        tree.add_file(root / ".gitignore")  # build backends exclude ignored files from wheels
    if settings := settings_file(root, wanted.call):
        _add_settings(tree, settings, wanted.call)
    return tree


def folder_tree(folder: Path, wanted: ProjectUse) -> Tree:
    """The tree for `uv pip install ./folder`: the project and its [tool.uv.sources]. uv ignores the lock."""
    project = Pyproject.read(folder, wanted.call)
    return Walk(project, workspace_of(project, wanted.call), wanted, locked=False).tree()


def script_tree(folder: Path, header: dict[str, Any], wanted: ProjectUse) -> Tree:
    """The tree for `uv sync --script` of a script in the folder, without the script's own text."""
    tool = header.get("tool")
    project = {"name": "script", "version": "0", "dependencies": header.get("dependencies")}
    script = Pyproject(normal(folder), {"project": project, "tool": tool if isinstance(tool, dict) else {}})
    tree = Walk(script, None, wanted, locked=False).tree()
    for place in [place for place in tree.files if place.parent == script.folder]:
        del tree.files[place]
    if settings := settings_file(script.folder, wanted.call):
        _add_settings(tree, settings, wanted.call)
    return tree


def _add_settings(tree: Tree, file: Path, call: str) -> None:
    tree.add_file(file)
    if file.name == "pyproject.toml":
        # Its patterns for workspace members match the names of the folders below it.
        tree.references.add((file.parent, tree.main))
    document = read_toml(file, call)
    settings = Pyproject(file.parent, document).uv if file.name == "pyproject.toml" else document
    add_indexes(tree, settings, file.parent, call)
