"""What `boatyard serve` asks of the distribution that has the embedded server, which offers it as an entry point."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import msgspec

from boatyard.finding import Finding

GROUP: Final = "boatyard.embedded"
"""The entry point group. Its names are `serve`: a Serve, and `prospect`: a Prospect."""


class CannotServe(Exception):
    """The server cannot start: one line that says why and what to do."""


class ServeRequest(msgspec.Struct, frozen=True, kw_only=True):
    host: str
    """A loopback address."""
    port: int
    """0 for a free one."""
    state: Path
    """The folder for everything that is kept."""
    settings: Path | None = None
    """This file alone, instead of the BuildKit and the registry that are found or set up."""
    project_settings: Path | None = None
    """What counts over what was found."""


class Serve(Protocol):
    def __call__(self, request: ServeRequest, on_ready: Callable[[str], None]) -> None:
        """Serves until it is stopped; `on_ready` gets the URL. Raises CannotServe."""
        ...


Prospect = Callable[[], Finding]
"""Whether a server that is started would find or set up a BuildKit."""
