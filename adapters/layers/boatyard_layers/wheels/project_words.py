"""The arguments of uv for a uv project or a uv script: those of the Dockerfile (`boatyard.dockerfile.projects`)."""

import posixpath
import shlex
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final, Literal

import msgspec

from boatyard.spec import UVProject, UVScript
from boatyard_layers.errors import NotExact
from boatyard_layers.wheels.words import has_reference, indexes, refuse_secret_files

_SELECTING: Final = frozenset(
    {
        "--all-extras",
        "--all-groups",
        "--all-packages",
        "--dev",
        "--exact",
        "--inexact",
        "--no-default-groups",
        "--no-dev",
        "--no-editable",
        "--no-install-local",
        "--no-install-project",
        "--no-install-workspace",
        "--only-dev",
        "--reinstall",
    }
)
_SELECTING_VALUES: Final = frozenset(
    {
        "--extra",
        "--group",
        "--no-editable-package",
        "--no-extra",
        "--no-group",
        "--no-install-package",
        "--only-group",
        "--package",
        "--reinstall-package",
    }
)
_RESOLVING: Final = frozenset({"--no-index", "--no-sources", "--pre"})
_RESOLVING_VALUES: Final = frozenset(
    {"--exclude-newer", "--fork-strategy", "--index-strategy", "--prerelease", "--resolution"}
)
_UPGRADING: Final = frozenset({"--upgrade", "-U"})
_UPGRADING_VALUES: Final = frozenset({"--upgrade-package", "-P"})
_QUIET: Final = frozenset({"--quiet", "-q", "--verbose", "-v", "--no-progress"})

LockUse = Literal["frozen", "locked", "resolve"]


class ProjectWords(msgspec.Struct, frozen=True, kw_only=True):
    """What `uv sync` gets for a layer."""

    source: str
    """The folder of the context that is mounted."""
    folder: str
    """Where uv runs, relative to the source; empty for the source itself."""
    script: str = ""
    """The script's name in the folder; empty for a project."""
    lock: str = ""
    """The lock of the context; empty without one."""
    lock_place: str = ""
    """Where uv finds the lock, relative to the source."""
    use: LockUse
    selecting: tuple[str, ...] = ()
    """Of the installation."""
    resolving: tuple[str, ...] = ()
    """Of the resolution: also needed to check a lock."""
    upgrading: tuple[str, ...] = ()
    """Of a resolution that replaces the lock."""
    variables: dict[str, str] = {}
    """The layer's indexes. They are no arguments, because other processes may read those."""
    fits: bool = False
    """The step adapts the lock to the indexes of the layer or deployment, and checks that it fits the project."""


def project_words(layer: UVProject | UVScript, secrets: Mapping[str, str]) -> ProjectWords:
    """Raises NotExact for a layer whose options refer to what only the image has.

    `secrets` has the values of the layer's secrets by the name of the variable.
    """
    refuse_secret_files(layer.secret_mounts)
    use, selecting, resolving, upgrading = _options(layer.options.extra_args)
    if isinstance(layer, UVScript):
        source = layer.folder
        inside = _inside(source, layer.script)
        folder, script = posixpath.split(inside)
        lock, place = layer.lock, f"{inside}.lock"
    else:
        source = layer.source_dir or layer.pyproject
        folder, script = _inside(source, layer.pyproject), ""
        lock, place = layer.uvlock, _lock_place(layer, source, folder)
    return ProjectWords(
        source=source,
        folder=folder,
        script=script,
        lock=lock,
        lock_place=place,
        use=use or ("locked" if lock else "resolve"),
        selecting=selecting,
        resolving=(*(["--pre"] if layer.options.pre else []), *resolving),
        upgrading=upgrading,
        variables=indexes(layer.options, layer.secret_mounts, secrets),
        fits=bool(lock) and use is None and not script,
    )


def _inside(source: str, path: str) -> str:
    found = posixpath.relpath(path, source)
    if found.startswith(".."):
        raise NotExact(f"{path} is not below {source}")
    return "" if found == "." else found


def _lock_place(layer: UVProject, source: str, folder: str) -> str:
    """The lock's own place, if it is that of a workspace above the project; or else beside the project."""
    above, name = posixpath.split(layer.uvlock)
    if layer.uvlock and name == "uv.lock" and PurePosixPath(layer.pyproject).is_relative_to(above or "."):
        found = posixpath.relpath(layer.uvlock, source)
        if not found.startswith(".."):
            return found
    return posixpath.join(folder, "uv.lock")


def _options(text: str) -> tuple[LockUse | None, tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    try:
        left = shlex.split(text)
    except ValueError:
        raise NotExact("its options cannot be split into words") from None
    use: LockUse | None = None
    selecting: list[str] = []
    resolving: list[str] = []
    upgrading: list[str] = []
    while left:
        word = left.pop(0)
        name, equals, value = word.partition("=")
        valued = _SELECTING_VALUES | _RESOLVING_VALUES | _UPGRADING_VALUES
        both = [word]
        if name in valued and (equals or left):
            both = [name, value if equals else left.pop(0)]
        if any(map(has_reference, both)):
            raise NotExact("an option refers to a variable")
        if word == "--locked":
            use = "locked"
        elif word == "--frozen":
            use = "frozen"
        elif word in _UPGRADING or (name in _UPGRADING_VALUES and len(both) == 2):
            use = use or "resolve"
            upgrading += both
        elif word in _SELECTING or (name in _SELECTING_VALUES and len(both) == 2):
            selecting += both
        elif word in _RESOLVING or (name in _RESOLVING_VALUES and len(both) == 2):
            resolving += both
        elif word not in _QUIET:
            raise NotExact(f"uv has the option {name}")
    if use != "resolve" and upgrading:
        raise NotExact("its options both keep and replace the lock")
    return use, tuple(selecting), tuple(resolving), tuple(upgrading)
