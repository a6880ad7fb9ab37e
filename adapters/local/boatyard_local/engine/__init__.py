"""A real BuildKit, a real registry and a base image, inside one project's `.boatyard/` folder.

`ensure()` is the whole interface: it uses a working Docker, or else unpacks one from Debian's packages without
installing it, and writes the settings that `boatyard serve` reads.
"""

from boatyard_local.engine.ensure import ensure
from boatyard_local.engine.model import Engine, EngineError, MadeImage
from boatyard_local.engine.stop import purge, stop

__all__ = ["Engine", "EngineError", "MadeImage", "ensure", "purge", "stop"]
