"""Writes small Python projects, whose packages come from the tests' own index."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

from boatyard import toml

_BUILD = '\n[build-system]\nrequires = ["uv_build>=0.8"]\nbuild-backend = "uv_build"\n'


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def uv_project(
    folder: Path, index: str, *, name: str = "by-app", requires: tuple[str, ...] = ("by-beta==0.5",)
) -> Path:
    """A locked project whose module has WHO; returns its pyproject.toml."""
    module = name.replace("-", "_")
    write(
        folder,
        {
            "pyproject.toml": _project(name, requires) + _index(index) + _BUILD,
            f"src/{module}/__init__.py": f"WHO = {name!r}\n",
        },
    )
    lock(folder)
    return folder / "pyproject.toml"


def workspace(folder: Path, index: str) -> Path:
    """A project with two editables: the workspace member packages/by-lib, which needs by-gamma, and by-beside."""
    sources = '\n[tool.uv.workspace]\nmembers = ["packages/*"]\n\n[tool.uv.sources]\nby-lib = { workspace = true }\n'
    sources += 'by-beside = { path = "../by-beside", editable = true }\n'
    write(
        folder,
        {
            "pyproject.toml": _project("by-workspace", ("by-lib", "by-beta", "by-beside"))
            + sources
            + _index(index)
            + _BUILD,
            "src/by_workspace/__init__.py": "WHO = 'by-workspace'\n",
            "packages/by-lib/pyproject.toml": _project("by-lib", ("by-gamma",)) + _BUILD,
            "packages/by-lib/src/by_lib/__init__.py": "WHO = 'by-lib'\n",
            "../by-beside/pyproject.toml": _project("by-beside", ()) + _BUILD,
            "../by-beside/src/by_beside/__init__.py": "WHO = 'by-beside'\n",
        },
    )
    lock(folder)
    return folder / "pyproject.toml"


def poetry_project(folder: Path, index: str, wheel: Path) -> Path:
    """A project that needs by-gamma, with the lock that Poetry would write."""
    source = f'\n[[tool.poetry.source]]\nname = "local"\nurl = "{index}"\npriority = "primary"\n'
    build = '\n[build-system]\nrequires = ["poetry-core>=2"]\nbuild-backend = "poetry.core.masonry.api"\n'
    packages = '\n[tool.poetry]\npackages = [{ include = "by_poetry" }]\n'
    text = _project("by-poetry", ("by-gamma (==3.0)",)) + packages + source + build
    write(
        folder,
        {
            "pyproject.toml": text,
            "poetry.lock": _poetry_lock(text, index, wheel),
            "by_poetry/__init__.py": "WHO = 'by-poetry'\n",
        },
    )
    return folder / "pyproject.toml"


def lock(folder: Path) -> None:
    uv = Path(sys.executable).parent / "uv"
    subprocess.run([str(uv), "lock", "--quiet"], cwd=folder, check=True)


def _project(name: str, requires: tuple[str, ...]) -> str:
    return (
        f'[project]\nname = "{name}"\nversion = "1.2.3"\ndescription = "A test"\nrequires-python = ">=3.11"\n'
        f"dependencies = {json.dumps(requires)}\n"
    )


def _index(url: str) -> str:
    return f'\n[[tool.uv.index]]\nurl = "{url}"\ndefault = true\n'


def _poetry_lock(pyproject: str, index: str, wheel: Path) -> str:
    project = toml.loads(pyproject)
    content = {
        "project": {name: project["project"][name] for name in ("requires-python", "dependencies")},
        "tool": {"poetry": {"source": project["tool"]["poetry"]["source"]}},
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    file = f'{{file = "{wheel.name}", hash = "sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"}}'
    return f"""\
[[package]]
name = "by-gamma"
version = "3.0"
description = ""
optional = false
python-versions = "*"
groups = ["main"]
files = [
    {file},
]

[package.source]
type = "legacy"
url = "{index}"
reference = "local"

[metadata]
lock-version = "2.1"
python-versions = ">=3.11"
content-hash = "{digest}"
"""
