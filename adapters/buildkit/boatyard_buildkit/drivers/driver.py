"""What a driver does, and the metadata file that buildctl and buildx write in the same format."""

from pathlib import Path
from typing import Protocol

import msgspec

from boatyard.decoding import Undecodable, decode_json
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


class _Metadata(msgspec.Struct, frozen=True):
    digest: str | None = msgspec.field(name="containerimage.digest", default=None)


def image_digest(path: Path) -> str | None:
    try:
        return decode_json(path.read_bytes(), _Metadata).digest
    except (OSError, Undecodable):
        return None
