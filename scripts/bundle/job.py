"""Collects the code of a build's job for an archive, for each of the platform's Pythons and architectures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from contents import Archive, CloudContents
from stage import copy, merge, prune
from wheels import PLATFORMS, install, names
from workspace import package

_FIRST: Final = "x86_64"


def fill(stage: Path, contents: CloudContents, archive: Archive) -> None:
    pinned = contents.job_lock
    install(stage, pinned, architecture=_FIRST, python=archive.pythons[0])
    prune(stage, ("bin", *archive.unused, *_not_kept(stage, contents.job.kept())))
    alike = names(pinned) - archive.compiled
    parts = []
    for python in archive.pythons:
        for architecture in PLATFORMS:
            parts.append(part := stage.with_name(f"{python}-{architecture}"))
            install(part, pinned, architecture=architecture, python=python, given=alike)
            prune(part, archive.unused)
            merge(stage, part)
    _check(stage, parts)
    for folder in contents.job_distributions:
        copy(package(folder), stage / package(folder).name)


def _not_kept(stage: Path, kept: tuple[str, ...]) -> list[str]:
    """The folders beside the kept ones. Raises ValueError if a kept folder does not exist."""
    if missing := [name for name in kept if not (stage / name).is_dir()]:
        raise ValueError(f"no folder {', '.join(missing)}: has a dependency changed its layout?")
    found = {path for name in kept for path in (stage / name.rpartition("/")[0]).iterdir() if path.is_dir()}
    return sorted({path.relative_to(stage).as_posix() for path in found} - set(kept))


def _check(stage: Path, parts: Sequence[Path]) -> None:
    """Raises ValueError if a module is missing for a platform. `parts` have what was installed for each. A marker can
    leave a distribution out for some Pythons."""
    modules: dict[Path, int] = {}
    for path in stage.rglob("*.so"):
        name = path.relative_to(stage).with_name(path.name.partition(".")[0])
        modules[name] = modules.get(name, 0) + 1
    wanted = {name: sum((part / name).parent.is_dir() for part in parts) for name in modules}
    if few := sorted(f"{name} ({modules[name]})" for name in modules if modules[name] != wanted[name]):
        raise ValueError(f"not for all of {len(parts)} platforms: {', '.join(few)}; is its distribution in `compiled`?")
