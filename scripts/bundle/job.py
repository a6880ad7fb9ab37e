"""What runs inside a build on a platform that fetches it as an archive, for each of its Pythons and architectures."""

from pathlib import Path
from typing import Final

from contents import Job
from stage import copy, merge, prune
from wheels import PLATFORMS, install, names

_FIRST: Final = "x86_64"


def fill(stage: Path, root: Path, job: Job) -> None:
    pinned = root / "requirements" / job.pinned
    install(stage, pinned, architecture=_FIRST, python=job.pythons[0])
    prune(stage, ("bin", *_not_asked(stage, job)))
    alike = names(pinned) - job.compiled
    for python in job.pythons:
        for architecture in PLATFORMS:
            part = stage.with_name(f"{python}-{architecture}")
            install(part, pinned, architecture=architecture, python=python, given=alike)
            prune(part, ())
            merge(stage, part)
    _check(stage, job)
    for package in job.packages:
        copy(root / package, stage / Path(package).name)


def _not_asked(stage: Path, job: Job) -> list[str]:
    """Folders of botocore's descriptions of services."""
    services = [path for path in (stage / "botocore" / "data").iterdir() if path.is_dir()]
    return [str(path.relative_to(stage)) for path in services if path.name not in job.services]


def _check(stage: Path, job: Job) -> None:
    """Raises ValueError if a module is not there for every platform."""
    modules: dict[Path, int] = {}
    for path in stage.rglob("*.so"):
        name = path.relative_to(stage).with_name(path.name.partition(".")[0])
        modules[name] = modules.get(name, 0) + 1
    wanted = len(job.pythons) * len(PLATFORMS)
    if few := sorted(str(name) for name, found in modules.items() if found != wanted):
        raise ValueError(f"not for all of {wanted} platforms: {', '.join(few)}; is its distribution in `compiled`?")
