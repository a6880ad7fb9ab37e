"""What a flyte image becomes before it is sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


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
    """An image in Boatyard's terms. Nothing in it depends on this machine but the values of `sources`."""

    spec: dict[str, Any]
    """The JSON of `boatyard.spec.SpecDocument`."""
    sources: Mapping[str, Path] = field(default_factory=dict)
    """Path in the context -> file (or, for a Dockerfile's context, link or empty folder) to read."""
    registry: str = ""
    name: str = ""
    registry_secret: NamedSecret | None = None
    secrets: tuple[NamedSecret, ...] = ()
    """Build secrets, by name. Their values are no part of this."""
    downloads: tuple[str, ...] = ()
    """Sites other than package indexes that a step cannot do without."""
    notes: tuple[str, ...] = ()
    """What was left out, for people."""
