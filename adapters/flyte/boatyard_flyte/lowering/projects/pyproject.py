"""Reads pyproject.toml without trusting its types: a table may be a number, and a list may hold anything."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from boatyard import toml
from boatyard.errors import invalid

_NAME: Final = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_DIRECT: Final = re.compile(r"\s*[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^\]]*\])?\s*@\s*([^;]*[^;\s])")


@dataclass(frozen=True)
class Pyproject:
    """A project's absolute folder and the contents of its pyproject.toml; empty if the folder has none."""

    folder: Path
    data: dict[str, Any]

    @classmethod
    def read(cls, folder: Path, call: str, *, file: Path | None = None) -> "Pyproject":
        """Reads the folder's pyproject.toml, or `file` instead. Raises INVALID_SPEC for one that is not TOML."""
        folder = Path(os.path.abspath(folder))  # noqa: PTH100 - links stay: uv does not resolve them either
        return cls(folder, read_toml(file or folder / "pyproject.toml", call))

    def table(self, *names: str) -> dict[str, Any]:
        """A table; `{}` if it does not exist."""
        found: Any = self.data
        for name in names:
            found = found.get(name) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else {}

    @property
    def uv(self) -> dict[str, Any]:
        return self.table("tool", "uv")

    @property
    def name(self) -> str:
        """The normalized name; empty if the file has none."""
        given = self.table("project").get("name") or self.table("tool", "poetry").get("name")
        return canonicalize_name(given) if isinstance(given, str) else ""

    @property
    def dynamic(self) -> frozenset[str]:
        return frozenset(strings(self.table("project").get("dynamic")))

    @property
    def is_built(self) -> bool:
        """Whether uv builds a package when it installs the project."""
        package = self.uv.get("package")
        return package if isinstance(package, bool) else bool(self.table("build-system")) or not self.table("project")

    @cached_property
    def requirements(self) -> tuple[str, ...]:
        """All requirements: of the project, its extras and groups, its build, and constraints."""
        return tuple(self._requirements())

    def _requirements(self) -> Iterator[str]:
        project = self.table("project")
        yield from strings(project.get("dependencies"))
        for group in (
            *self.table("project", "optional-dependencies").values(),
            *self.table("dependency-groups").values(),
        ):
            yield from strings(group)
        yield from self.build_requirements
        for name in ("dev", "constraint", "override", "build-constraint"):
            yield from strings(self.uv.get(f"{name}-dependencies"))

    @property
    def build_requirements(self) -> tuple[str, ...]:
        return tuple(strings(self.table("build-system").get("requires")))

    @property
    def required_names(self) -> frozenset[str]:
        return frozenset(name for text in self.requirements if (name := requirement_name(text)))


def read_toml(path: Path, call: str) -> dict[str, Any]:
    """`{}` for a file that does not exist."""
    try:
        return toml.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise invalid(f"{call}: {str(path)!r} cannot be read: {error}") from None


def strings(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def requirement_name(text: str) -> str:
    """The normalized name at the start of a requirement, also if packaging cannot parse it."""
    found = _NAME.match(text)
    return canonicalize_name(found[1]) if found else ""


def direct_reference(text: str) -> str:
    """The part after @ in `lib @ file:///home/me/lib`; empty without one."""
    try:
        return Requirement(text).url or ""
    except (InvalidRequirement, RecursionError):
        # A relative path: uv and pip accept it, although the standard does not.
        found = _DIRECT.match(text)
        return found[1] if found else ""
