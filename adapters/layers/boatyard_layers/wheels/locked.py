"""Asks uv for the wheels of requirements: a lock (PEP 751), which has them with their hashes."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from boatyard import toml
from boatyard_layers.errors import NotExact
from boatyard_layers.wheels.dry_run import Changes
from boatyard_layers.wheels.install import PinnedSource
from boatyard_layers.wheels.pins import read_pins
from boatyard_layers.wheels.stage import StageFolder
from boatyard_layers.wheels.uv_process import UvTool
from boatyard_layers.wheels.words import Words

_ORDINARY: Final = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*(?: ?\[[A-Za-z0-9._, -]*\])?"  # a name, with extras
    r"(?: ?(?:[<>!=~]=|[<>]|===) ?[A-Za-z0-9.*+!_-]+(?: ?,)?)*"  # and versions (PEP 508)
)
"""A requirement that is one line of a file, and no option."""
_ELSEWHERE: Final = ("archive", "directory", "vcs")
"""Of a package that does not come from an index (PEP 751)."""


def lock(
    requirements: Sequence[str], arguments: Sequence[str], stage: StageFolder, uv: UvTool, work: Path
) -> Mapping[str, Any]:
    """The pylock.toml of requirements. Raises NotExact."""
    wanted = work / "wanted.in"
    wanted.write_text("".join(f"{requirement}\n" for requirement in requirements), encoding="utf-8")
    ended = uv.run(
        stage,
        ("pip", "compile"),
        ("--quiet", "--no-build-isolation", "--no-header", *("--format", "pylock.toml"), *arguments, str(wanted)),
    )
    return toml.loads(ended.stdout)


def locked_alone(
    asked: Words, stage: StageFolder, uv: UvTool, work: Path
) -> tuple[Changes, tuple[PinnedSource, ...]] | None:
    """What uv would install into an environment without distributions, by one run of uv: there, an installation and a
    lock resolve alike. None if another way has to tell, with its reasons."""
    beginning, *requirements = asked.requirements
    ordinary = beginning == "--" and all(map(_ORDINARY.fullmatch, requirements))
    if asked.options or asked.hashes or asked.exactly or not ordinary:
        return None
    try:
        document = lock(requirements, asked.sources, stage, uv, work)
        packages = document.get("packages", ())
        if any(source in package for package in packages for source in _ELSEWHERE):
            return None
        versions = {package["name"]: package.get("version", "") for package in packages}
        pins = read_pins(document, versions)
    except NotExact:
        return None
    return Changes(dict(sorted(versions.items())), {}), (PinnedSource(pins, tuple(dict.fromkeys(asked.sources))),)
