"""The result of lowering a flyte image."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boatyard_flyte.lowering.sources import FileSource


@dataclass(frozen=True)
class NamedSecret:
    """A secret as flyte names it. `name` is its name in the secret store."""

    key: str
    group: str = ""

    @property
    def name(self) -> str:
        return f"{self.group}_{self.key}" if self.group else self.key


@dataclass(frozen=True, kw_only=True)
class Lowered:
    """An image in Boatyard's terms. Only the paths of its sources depend on this machine."""

    spec: dict[str, Any]
    """The JSON of `boatyard.spec.SpecDocument`."""
    sources: tuple[FileSource, ...] = ()
    dockerfile: Path | None = None
    """The path of the spec's Dockerfile, whose folder is the context."""
    registry: str = ""
    name: str = ""
    registry_secret: NamedSecret | None = None
    secrets: tuple[NamedSecret, ...] = ()
    """Build secrets by name, without their values."""
    downloads: tuple[str, ...] = ()
    """Sites other than package indexes that a step needs."""
