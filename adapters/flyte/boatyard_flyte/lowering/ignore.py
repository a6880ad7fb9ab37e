"""Decides which files of a folder go into the image."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from boatyard.errors import invalid
from boatyard_flyte import sdk

BYTE_CODE: Final = ("__pycache__", "**/__pycache__")
"""Never copied unless a pattern includes it: Python's caches contain local times, so each run
of the code would change the key."""

_GIT: Final = (".git", "**/.git")
"""Never copied unless a pattern includes it: even `git status` and `git gc` write to it, and would change the key."""

_PROJECT: Final = (
    ".git",
    *("**/.venv", ".venv", "**/node_modules", "node_modules"),
    *("**/*.egg-info", "*.egg-info", ".env"),
    *(
        f"{folder}{name}"
        for name in (".ruff_cache", ".mypy_cache", ".pytest_cache", ".tox", ".nox")
        for folder in ("", "**/")
    ),
)
"""Not part of an installed project, and full of local paths."""


class FlyteIgnore:
    """The packer's ignore rules, which select the files that flyte's own builders select.

    `replaced` are files at the top that the layer takes from elsewhere.
    """

    def __init__(self, patterns: Sequence[str], *, replaced: Collection[str] = ()) -> None:
        self._matcher = sdk.matcher([*BYTE_CODE, *_GIT, *patterns])
        self._fits_any = sdk.fits_any(self._matcher)
        self._plain = {""}
        """Folders that no pattern matches, nor any of their parents."""
        self._replaced = frozenset(replaced)

    def __call__(self, path: str, /) -> bool:
        if path in self._replaced:
            return True
        if path.rpartition("/")[0] in self._plain and not self._fits_any(path):
            # The SDK matches each pattern against the path and its parents: 30 µs, nearly always without a match.
            self._plain.add(path)
            return False
        return self._matcher.matches(path)

    def may_keep_below(self, folder: str, /) -> bool:
        """True if a `!` pattern could include something below an ignored folder."""
        return any(p.exclusion and p.cleaned_pattern.startswith(folder) for p in self._matcher.patterns)

    def leaves_nothing(self, folder: Path) -> bool:
        return not any((folder / path).is_file() for path in self._matcher.walk(str(folder)))


def of_project(ignored: Sequence[str]) -> list[str]:
    """The patterns for the folder of a project that is built; the image's own patterns may include files again."""
    return [*_PROJECT, *ignored]


def sends_git(ignored: Sequence[str]) -> bool:
    """Whether a pattern includes .git, for projects whose version comes from it."""
    return any(pattern.strip().rstrip("/") in ("!.git", "!**/.git") for pattern in ignored)


def patterns(image: sdk.Image) -> list[str]:
    """The patterns of the last `with_dockerignore`, else of the root directory's .dockerignore."""
    given = [layer.path for layer in sdk.layers_of(image) if isinstance(layer, sdk.DockerIgnore)]
    named = [path for path in given if path.strip()]
    if named:
        path = Path(named[-1])
        if not path.is_file():
            raise invalid(f"with_dockerignore: there is no file {str(path)!r}")
        return lines(path)
    root = sdk.root_directory()
    return lines(root / ".dockerignore") if root and (root / ".dockerignore").is_file() else []


def lines(path: Path) -> list[str]:
    """The patterns of a .dockerignore, without blank lines and comments."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise invalid(f"{str(path)!r} cannot be read: {error}") from None
    return [line for raw in text.splitlines() if (line := raw.strip()) and not line.startswith("#")]
