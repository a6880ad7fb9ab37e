"""Finds the workspace's own distributions and their dependencies on each other."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement


def needed(root: Path, name: str, extra: str) -> tuple[Path, ...]:
    """The folders of a distribution with an extra and of its dependencies in the workspace; sorted.

    Raises ValueError for an unknown distribution or extra.
    """
    members = {project["name"]: (folder, project) for folder, project in _members(root)}
    waiting, seen = [(name, extra), (name, "")], set[tuple[str, str]]()
    while waiting:
        wanted = waiting.pop()
        if wanted in seen:
            continue
        seen.add(wanted)
        for requirement in _requirements(members, *wanted):
            if requirement.name in members:
                waiting += [(requirement.name, each) for each in ("", *requirement.extras)]
    return tuple(sorted({members[found][0] for found, _ in seen}))


def package(distribution: Path) -> Path:
    """The folder of a distribution's only package."""
    name: str = _project(distribution / "pyproject.toml")["name"]
    return distribution / name.replace("-", "_")


def _requirements(members: dict[str, tuple[Path, Any]], name: str, extra: str) -> list[Requirement]:
    if name not in members:
        raise ValueError(f"no distribution {name} in this workspace")
    project = members[name][1]
    if extra and extra not in project.get("optional-dependencies", {}):
        raise ValueError(f"{name} has no extra {extra}")
    lines = project["optional-dependencies"][extra] if extra else project.get("dependencies", [])
    return [Requirement(line) for line in lines]


def _members(root: Path) -> Iterator[tuple[Path, Any]]:
    for path in (root / "core" / "pyproject.toml", *root.glob("adapters/*/pyproject.toml")):
        yield path.parent, _project(path)


def _project(path: Path) -> Any:
    return tomllib.loads(path.read_text())["project"]
