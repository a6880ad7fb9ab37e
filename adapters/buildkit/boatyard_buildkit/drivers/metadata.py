"""The metadata file, which buildx and buildctl write alike."""

from pathlib import Path

import msgspec


class _Metadata(msgspec.Struct, frozen=True):
    digest: str | None = msgspec.field(name="containerimage.digest", default=None)


def image_digest(path: Path) -> str | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Metadata).digest
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
