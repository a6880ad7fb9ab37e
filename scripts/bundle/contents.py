"""The contents of a cloud's archives and builder image, from [tool.boatyard] in each adapter's pyproject.toml.

An adapter with such tables is a cloud. They do not list the workspace's own packages, which follow from the
dependencies of the adapter's extras `function` and `job`. requirements/function-<cloud>.txt and
requirements/builder-<cloud>.txt list the packages from the index.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from workspace import needed

ROOT: Final = Path(__file__).resolve().parent.parent.parent

_Path = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$")]
"""A relative path without characters that are special in a shell."""
_Module = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$")]


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    pass


class FunctionSource(_Table, frozen=True, kw_only=True):
    """[tool.boatyard.function.source]: for a platform that installs functions from source code; see vendored.py."""

    handler: _Module
    """The module with the functions, which main.py imports."""
    functions: Annotated[tuple[_Module, ...], msgspec.Meta(min_length=1)]
    framework: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    """The distribution whose program of the same name the platform starts."""
    program: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.]+:[A-Za-z0-9_]+$")]
    """What that program calls."""


class FunctionApp(_Table, frozen=True, kw_only=True):
    """[tool.boatyard.function.app]: for a platform whose bundle has files of its own beside a folder of packages."""

    files: _Path
    """A folder beside pyproject.toml. The bundle begins with its files."""
    packages: Annotated[str, msgspec.Meta(pattern=r"^\.?[a-z0-9_-]+(/[a-z0-9_-]+)*$")]
    """The folder in the bundle that the platform adds to Python's path."""


class Function(_Table, frozen=True, kw_only=True):
    """[tool.boatyard.function]: the functions' bundle."""

    root: str = ""
    """The folder where the platform unpacks it. Byte code is made for it."""
    source: FunctionSource | None = None
    """What the platform installs instead, and makes the byte code of."""
    app: FunctionApp | None = None
    """Where the packages and other files are, on a platform that does not take the packages as they are."""
    pythons: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    """Minor versions of Python that both the platform and Boatyard support; the first is the default."""
    largest_bytes: int
    """The limit of the unpacked size, because cold starts grow with it."""
    inline_largest_bytes: int | None = None
    """The same for a second bundle, of a function that carries builds out itself: it has what a job needs beside
    everything in the first one. None if the cloud has no such function."""
    given: frozenset[str] = frozenset()
    """Distributions that the platform's runtime contains."""
    unneeded: frozenset[str] = frozenset()
    """Distributions that only unused parts of others import."""
    unused: tuple[str, ...] = ()
    """Parts that no function imports, of dependencies and of this workspace; the tests import and run all that is left.
    `*` is any name."""
    generated: tuple[_Path, ...] = ()
    """Packages of generated code, of which only imported modules are kept."""

    def __post_init__(self) -> None:
        if bool(self.root) == bool(self.source):
            raise ValueError("exactly one of `root` and `source` is needed")


class Archive(_Table, frozen=True, kw_only=True):
    """[tool.boatyard.job.archive]: for a platform that runs jobs from an archive. Other platforms run the image."""

    pythons: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    """Minor versions of Python that the platform may run it with; one archive supports all of them."""
    compiled: frozenset[str] = frozenset()
    """Distributions with compiled modules, which need a wheel for each Python and architecture."""
    unused: tuple[str, ...] = ()
    """Parts of dependencies that no job imports. `*` is any name."""


class JobEngine(_Table, frozen=True, kw_only=True):
    """[tool.boatyard.job.engine]: for a platform that runs jobs in an image which must contain a Docker engine."""

    image: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9./-]+:[A-Za-z0-9._-]+$")]
    """Contains the engine's statically linked programs, at the same paths as docker.io/library/docker."""


class Job(_Table, frozen=True, kw_only=True):
    """[tool.boatyard.job]: the contents of both the builder image and the archive."""

    only: dict[_Path, tuple[_Path, ...]] = {}
    """Maps a dependency's folder to the subfolders to keep; an empty list keeps none."""
    archive: Archive | None = None
    engine: JobEngine | None = None

    def kept(self) -> tuple[str, ...]:
        """The kept folders; `<folder>/.` if none is kept."""
        return tuple(
            f"{folder}/{name}" for folder, names in sorted(self.only.items()) for name in sorted(names) or (".",)
        )


class _Tables(_Table, frozen=True, kw_only=True):
    function: Function | None = None
    job: Job


class CloudContents(NamedTuple):
    folder: Path
    """The adapter's."""
    function: Function | None
    """None for a cloud without a bundle for functions."""
    function_lock: Path
    function_distributions: tuple[Path, ...]
    job: Job
    job_lock: Path
    job_distributions: tuple[Path, ...]


def clouds(root: Path = ROOT) -> list[str]:
    return sorted(path.parent.name for path in root.glob("adapters/*/pyproject.toml") if _tables(path) is not None)


def contents(cloud: str, root: Path = ROOT) -> CloudContents:
    """Raises ValueError if a table or a lock is invalid or missing."""
    path = root / "adapters" / cloud / "pyproject.toml"
    try:
        tables = msgspec.convert(_tables(path), _Tables)
    except msgspec.ValidationError as error:
        raise ValueError(f"{path.relative_to(root)}, [tool.boatyard]: {error}") from error
    name = f"boatyard-{cloud}"
    return CloudContents(
        folder=path.parent,
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
