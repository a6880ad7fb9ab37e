"""Every distribution of the workspace belongs to a layer, and uv finds it beside the others."""

import ast
import tomllib
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent
CONFIGURATION = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
NAMES = {
    tomllib.loads(path.read_text())["project"]["name"]
    for path in (ROOT / "core" / "pyproject.toml", *ROOT.glob("adapters/*/pyproject.toml"))
}
PACKAGES = {name.replace("-", "_") for name in NAMES}
SHARED_NAMES = {
    "Configuration": "each cloud's own environment variables, as its wiring reads them",
    "EventApp": "each cloud's entry point for events",
    "HttpApp": "each cloud's entry point for requests",
    "Parts": "each cloud's implementation of DeploymentParts",
    "SystemClock": "implements the core's Clock on two layers that do not import each other",
}


def test_every_package_stands_on_one_floor() -> None:
    (floors,) = [each["layers"] for each in CONFIGURATION["importlinter"]["contracts"] if each["type"] == "layers"]
    standing = [name for floor in floors for name in floor.split(" | ")]
    assert sorted(standing) == sorted(PACKAGES)
    assert sorted(CONFIGURATION["importlinter"]["root_packages"]) == sorted(PACKAGES)


def test_mypy_is_given_files_and_no_folders() -> None:
    """Another branch may have left a package's folder with nothing but byte code, which mypy refuses."""
    patterns = CONFIGURATION["mypy"]["files"]
    assert all(pattern.endswith("/**/*.py") for pattern in patterns)
    given = {path.relative_to(ROOT).parts for pattern in patterns for path in ROOT.glob(pattern)}
    assert {part for parts in given for part in parts} >= PACKAGES


def test_uv_takes_each_from_the_workspace() -> None:
    assert set(CONFIGURATION["uv"]["sources"]) == NAMES


def test_a_public_class_name_has_one_meaning() -> None:
    modules = defaultdict(set)
    for path in (*ROOT.glob("core/boatyard/**/*.py"), *ROOT.glob("adapters/*/boatyard_*/**/*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                modules[node.name].add(str(path.relative_to(ROOT)))
    doubled = {name: sorted(paths) for name, paths in modules.items() if len(paths) > 1}
    assert {name: paths for name, paths in doubled.items() if name not in SHARED_NAMES} == {}
    assert doubled.keys() == SHARED_NAMES.keys()
