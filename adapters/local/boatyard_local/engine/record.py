"""What the last successful `ensure` left: read back, it makes the next one quick."""

from pathlib import Path

import msgspec

from boatyard_local.engine.model import Engine


class Record(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    engine: Engine
    port: int
    fingerprints: dict[str, str] = {}
    """Repository of each base image made here -> the fingerprint of its recipe."""


VERSION = 1
"""Of this format and of what the engine consists of; another one is made anew."""


def load(path: Path) -> Record | None:
    """The record, or None if there is none that this version can use."""
    try:
        record = msgspec.json.decode(path.read_bytes(), type=Record, dec_hook=_decode)
    except (OSError, msgspec.MsgspecError):
        return None
    return record if record.version == VERSION else None


def save(path: Path, record: Record) -> None:
    """Whole or not at all."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(msgspec.json.format(msgspec.json.encode(record, enc_hook=str)))
    partial.rename(path)


def _decode(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError
