"""Which files of a folder go into the image."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from boatyard.errors import BoatyardError

from boatyard_flyte import sdk

BYTE_CODE: Final = ("__pycache__", "**/__pycache__")
"""Never copied unless a pattern takes it back in: Python's caches hold times of this machine, so each run
of the code would change the key."""

VIRTUALENV: Final = (".venv",)
"""Not part of a project that is installed; as full of this machine as anything can be."""


def patterns(image: sdk.Image) -> list[str]:
    """The patterns of the last `with_dockerignore`, else of the root directory's .dockerignore."""
    named = [Path(la.path) for la in sdk.layers_of(image) if isinstance(la, sdk.DockerIgnore) and la.path.strip()]
    if named:
        path = named[-1]
        if not path.is_file():
            raise BoatyardError("INVALID_SPEC", f"with_dockerignore: there is no file {str(path)!r}")
        return lines(path)
    root = sdk.root_directory()
    path = root / ".dockerignore" if root else None
    return lines(path) if path and path.is_file() else []


def lines(path: Path) -> list[str]:
    """The patterns of a .dockerignore: neither blank lines nor comments."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BoatyardError("INVALID_SPEC", f"{str(path)!r} cannot be read: {error}") from None
    return [line for raw in text.splitlines() if (line := raw.strip()) and not line.startswith("#")]


def files(folder: Path, ignored: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """Files below `folder` with their relative paths, sorted. Links to files count as the files."""
    for relative in sorted(sdk.included_files(folder, [*BYTE_CODE, *ignored])):
        path = folder / relative
        if path.is_file():
            yield Path(relative).as_posix(), path
