"""What goes into a cloud's archives and its builder image: each adapter's pyproject.toml says so, in [tool.boatyard].

An adapter with such tables is a cloud. The workspace's own packages are not listed there: they follow from the
dependencies of the adapter's extras `function` and `job`. What comes from the index is in
requirements/function-<cloud>.txt and requirements/builder-<cloud>.txt.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from workspace import needed

ROOT: Final = Path(__file__).resolve().parent.parent.parent

_Path = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$")]
"""Relative, in letters that a shell takes as they are."""


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    pass


class Function(_Table, frozen=True, kw_only=True):
    """[tool.boatyard.function]: the functions' bundle."""

    root: str
    """Where the platform unpacks it."""
    pythons: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    """Minor versions that the platform has a runtime for and Boatyard runs on; the first is the default."""
    largest_bytes: int
    """Unpacked: cold starts grow with it."""
    given: frozenset[str] = frozenset()
    """Distributions that the platform's runtime brings."""
    unneeded: frozenset[str] = frozenset()
    """Distributions that only unused parts of others import."""
    unused: tuple[str, ...] = ()
    """Parts of dependencies that nothing here imports; the tests run the archive without them. `*` is any name."""
    generated: tuple[_Path, ...] = ()
    """Packages of generated code. Of them only what something imports is kept."""


class Archive(_Table, frozen=True, kw_only=True):
    """[tool.boatyard.job.archive]: where the platform runs a job from an archive. Elsewhere jobs run the image."""

    pythons: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    """Minor versions that the platform may run it with; one archive fits them all."""
    compiled: frozenset[str] = frozenset()
    """Distributions with compiled modules, so with a wheel for each Python and architecture."""


class Engine(_Table, frozen=True, kw_only=True):
    """[tool.boatyard.job.engine]: where the platform runs a job in an image that has to bring a Docker engine."""

    image: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9./-]+:[A-Za-z0-9._-]+$")]
    """Has the engine's programs, without libraries, where docker.io/library/docker has them."""


class Job(_Table, frozen=True, kw_only=True):
    """[tool.boatyard.job]: what runs inside a build, in the builder image and in the archive alike."""

    only: dict[_Path, tuple[_Path, ...]] = {}
    """Folder of a dependency -> those of its folders that are kept; none for an empty list."""
    archive: Archive | None = None
    engine: Engine | None = None

    def kept(self) -> tuple[str, ...]:
        """Paths of the folders that are kept; `<folder>/.` where none is."""
        return tuple(
            f"{folder}/{name}" for folder, names in sorted(self.only.items()) for name in sorted(names) or (".",)
        )


class _Tables(_Table, frozen=True, kw_only=True):
    function: Function | None = None
    job: Job


class Contents(NamedTuple):
    function: Function | None
    """None for a cloud whose functions have no bundle."""
    function_lock: Path
    function_distributions: tuple[Path, ...]
    job: Job
    job_lock: Path
    job_distributions: tuple[Path, ...]


def clouds(root: Path = ROOT) -> list[str]:
    return sorted(path.parent.name for path in root.glob("adapters/*/pyproject.toml") if _tables(path) is not None)


def contents(cloud: str, root: Path = ROOT) -> Contents:
    """Raises ValueError if a table or a lock is wrong or missing."""
    path = root / "adapters" / cloud / "pyproject.toml"
    try:
        tables = msgspec.convert(_tables(path), _Tables)
    except msgspec.ValidationError as error:
        raise ValueError(f"{path.relative_to(root)}, [tool.boatyard]: {error}") from error
    name = f"boatyard-{cloud}"
    return Contents(
        function=tables.function,
        function_lock=_lock(root, f"function-{cloud}.txt"),
        function_distributions=needed(root, name, "function"),
        job=tables.job,
        job_lock=_lock(root, f"builder-{cloud}.txt"),
        job_distributions=needed(root, name, "job"),
    )


def _tables(path: Path) -> Any:
    return tomllib.loads(path.read_text()).get("tool", {}).get("boatyard")


def _lock(root: Path, name: str) -> Path:
    path = root / "requirements" / name
    if not path.is_file():
        raise ValueError(f"there is no {path.relative_to(root)}: `make lock` makes it of {path.stem}.in")
    return path
