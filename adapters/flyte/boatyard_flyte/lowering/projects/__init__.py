"""Finds the files that uv and Poetry read for a project: pyproject.toml, workspaces, path dependencies, settings.

It only reads files: it needs neither uv nor Poetry nor the network. The rules are
uv's own (astral-sh/uv 0.11 to 0.13: crates/uv-workspace, crates/uv-settings, docs/concepts/projects).
"""

from boatyard_flyte.lowering.projects.poetry import poetry_tree
from boatyard_flyte.lowering.projects.pyproject import Pyproject
from boatyard_flyte.lowering.projects.tree import Tree
from boatyard_flyte.lowering.projects.uv import folder_tree, script_tree, uv_tree
from boatyard_flyte.lowering.projects.walk import ProjectUse

__all__ = ["ProjectUse", "Pyproject", "Tree", "folder_tree", "poetry_tree", "script_tree", "uv_tree"]
