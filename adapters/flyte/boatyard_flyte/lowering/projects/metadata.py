"""Finds what a project's metadata depends on besides pyproject.toml: a build backend, files outside its folder, git."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

from boatyard.errors import invalid
from boatyard_flyte.lowering.projects.paths import normal
from boatyard_flyte.lowering.projects.pyproject import Pyproject, requirement_name

_RESOLVED: Final = frozenset({"dependencies", "optional-dependencies", "requires-python"})
_FROM_GIT: Final = {
    "setuptools-scm": "SETUPTOOLS_SCM_PRETEND_VERSION",
    "hatch-vcs": "SETUPTOOLS_SCM_PRETEND_VERSION",
    "flit-scm": "SETUPTOOLS_SCM_PRETEND_VERSION",
    "vcs-versioning": "SETUPTOOLS_SCM_PRETEND_VERSION",
    "pdm-backend": "PDM_BUILD_SCM_VERSION",
    "uv-dynamic-versioning": "UV_DYNAMIC_VERSIONING_BYPASS",
    "poetry-dynamic-versioning": "POETRY_DYNAMIC_VERSIONING_BYPASS",
    "versioningit": "",
    "setuptools-git-versioning": "",
    "versioneer": "",
    "setuptools-git": "",
    "dunamai": "",
}
"""Build requirements that take the version from git -> the variable that sets it instead."""
_OUTSIDE: Final = ("hatch", "setuptools", "poetry", "pdm", "flit", "scikit-build", "maturin", "uv")


def needs_build(project: Pyproject, *, locked: bool) -> bool:
    """Whether uv has to run the build backend to know what the project requires.

    With a lock, a dynamic version does not matter: uv.lock leaves it out.
    """
    if not project.table("project"):
        return True
    return bool(project.dynamic & (_RESOLVED if locked else _RESOLVED | {"version"}))


def check_version(project: Pyproject, variables: Collection[str], *, has_git: bool, call: str) -> None:
    """Refuses a project whose version comes from git if the build has no git history.

    `variables` are the names of the step's environment variables.
    """
    tool = _version_tool(project)
    if not tool or has_git:
        return
    variable = _FROM_GIT[tool]
    normalised = project.name.upper().replace("-", "_")
    if variable and any(name in variables for name in (variable, f"{variable}_FOR_{normalised}")):
        return
    where = project.name or project.folder.name
    say = f"set it: .with_env_vars({{{variable!r}: '1.2.3'}}) before this call; or " if variable else ""
    raise invalid(
        f"{call}: the version of {where!r} comes from git ({tool}), and .git is not sent: it changes with every git "
        f"command, and the key with it. To build it, {say}send .git: .with_dockerignore(FILE) with a line !.git, and "
        ".with_apt_packages('git') before"
    )


def files_outside(project: Pyproject) -> Iterator[Path]:
    """Files and folders above the project that its build configuration names, such as `readme = "../README.md"`."""
    fields = project.table("project")
    outside: list[Any] = [fields.get("readme"), fields.get("license"), *map(project.table("tool").get, _OUTSIDE)]
    for text in _texts(outside):
        if text.startswith("../") and len(text) < 1000 and "*" not in text:
            path = normal(project.folder / text)
            if path.exists() and path not in project.folder.parents:
                yield path


def _version_tool(project: Pyproject) -> str:
    if project.table("project") and "version" not in project.dynamic:
        return ""
    named = [name for text in project.build_requirements if (name := requirement_name(text)) in _FROM_GIT]
    if "pdm-backend" in named and project.table("tool", "pdm", "version").get("source") != "scm":
        named.remove("pdm-backend")
    if "hatch-vcs" in named and project.table("tool", "hatch", "version").get("source") != "vcs":
        named.remove("hatch-vcs")
    if not named or _has_fallback(project):
        return ""
    return named[0]


def _has_fallback(project: Pyproject) -> bool:
    """Whether the project itself sets a version for builds without git."""
    hatch = project.table("tool", "hatch", "version")
    options = hatch.get("raw-options")
    return bool(
        project.table("tool", "setuptools_scm").get("fallback_version")
        or hatch.get("fallback-version")
        or (isinstance(options, dict) and options.get("fallback_version"))
        or project.table("tool", "versioningit").get("default-version")
        or project.table("tool", "pdm", "version").get("fallback_version")
        or project.table("tool", "uv-dynamic-versioning").get("fallback-version")
    )


def _texts(value: object) -> Iterator[str]:
    """All strings in a value, including the keys of tables, where hatch's force-include has its sources."""
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _texts(item)
        case dict():
            for name, item in value.items():
                yield name
                yield from _texts(item)
