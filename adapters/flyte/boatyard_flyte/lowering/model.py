"""What a flyte image becomes before it is sent."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boatyard_flyte.lowering.sources import Source


@dataclass(frozen=True)
class NamedSecret:
    """A secret as flyte names it. `name` is how the secret store calls it."""

    key: str
    group: str = ""

    @property
    def name(self) -> str:
        return f"{self.group}_{self.key}" if self.group else self.key


@dataclass(frozen=True, kw_only=True)
class Lowered:
    """An image in Boatyard's terms. Nothing in it depends on this machine but where its sources lie."""

    spec: dict[str, Any]
    """The JSON of `boatyard.spec.SpecDocument`."""
    sources: tuple[Source, ...] = ()
    dockerfile: Path | None = None
    """Where the spec's Dockerfile was read: its folder is the context."""
    registry: str = ""
    name: str = ""
    registry_secret: NamedSecret | None = None
    secrets: tuple[NamedSecret, ...] = ()
    """Build secrets, by name. Their values are no part of this."""
    downloads: tuple[str, ...] = ()
    """Sites other than package indexes that a step cannot do without."""
