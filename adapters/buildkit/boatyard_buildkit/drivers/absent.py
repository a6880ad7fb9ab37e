"""The driver of a job that has no BuildKit, such as one in a function."""

from pathlib import Path
from typing import NoReturn

from boatyard.errors import BoatyardError, Code
from boatyard_buildkit.solve import Solve


class NoBuildkit:
    def command(self, solve: Solve) -> NoReturn:
        """Raises UNSUPPORTED: what a job can make without BuildKit does not get here."""
        raise BoatyardError(
            Code.UNSUPPORTED,
            "a step needs BuildKit, which this deployment does not have; the log says which, and why. Use "
            "packages that have wheels, or ask the operator for a runner that builds with BuildKit",
        )

    def environment(self) -> dict[str, str]:
        return {}

    def digest(self, metadata: Path) -> str | None:
        return None
