from pathlib import Path
from typing import Protocol

from boatyard_buildkit.solve import Solve


class Driver(Protocol):
    def command(self, solve: Solve) -> list[str]:
        """The argument list; never a shell's. Progress comes as rawjson on stderr."""
        ...

    def environment(self) -> dict[str, str]:
        """Variables that lead to the builder."""
        ...

    def digest(self, metadata: Path) -> str | None:
        """The digest of what was built, out of the metadata file; None if it does not say."""
        ...
