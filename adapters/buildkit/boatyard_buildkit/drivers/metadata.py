"""Reads the metadata file, which buildx and buildctl write in the same format."""

from pathlib import Path

import msgspec

from boatyard.decoding import Undecodable, decode_json


class _Metadata(msgspec.Struct, frozen=True):
    digest: str | None = msgspec.field(name="containerimage.digest", default=None)


def image_digest(path: Path) -> str | None:
    try:
        return decode_json(path.read_bytes(), _Metadata).digest
    except (OSError, Undecodable):
        return None
