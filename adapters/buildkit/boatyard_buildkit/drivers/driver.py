from pathlib import Path
from typing import Protocol

from boatyard_buildkit.solve import Solve


class Driver(Protocol):
    def command(self, solve: Solve) -> list[str]:
        """The argument list, without a shell. BuildKit writes progress as rawjson on stderr."""
        ...

    def environment(self) -> dict[str, str]:
        """Variables for the connection to the builder."""
        ...

    def digest(self, metadata: Path) -> str | None:
        """The built image's digest from the metadata file; None without one."""
        ...
