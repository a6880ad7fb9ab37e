"""The contract between `boatyard serve` and the distribution with the embedded server, which offers an entry point."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import msgspec

from boatyard.finding import Finding

GROUP: Final = "boatyard.embedded"
"""The entry point group. Its names are `serve`: a Serve, and `prospect`: a Prospect."""


class CannotServe(Exception):
    """The server cannot start. One line says why and what to do."""


class ServeRequest(msgspec.Struct, frozen=True, kw_only=True):
    host: str
    """A loopback address."""
    port: int
    """0 for any free port."""
    state: Path
    """The folder for all state."""
    settings: Path | None = None
    """Use only this file, instead of finding or setting up BuildKit and a registry."""
    project_settings: Path | None = None
    """Settings that override the ones that were found."""


class Serve(Protocol):
    def __call__(self, request: ServeRequest, on_ready: Callable[[str], None]) -> None:
        """Serves until it is stopped; `on_ready` gets the URL. Raises CannotServe."""
        ...


Prospect = Callable[[], Finding]
"""Whether a new server would find or set up BuildKit."""
