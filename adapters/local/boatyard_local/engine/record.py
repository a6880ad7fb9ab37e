"""What earlier runs left: read back, it makes the next one quick."""

from pathlib import Path
from typing import Final, TypeVar

import msgspec

from boatyard_local.engine.model import Engine

VERSION: Final = 1
"""Of the formats below. What another version wrote is not read."""


class EngineRun(msgspec.Struct, frozen=True, kw_only=True):
    """The last successful run."""

    version: int = VERSION
    engine: Engine


class Imported(msgspec.Struct, frozen=True):
    """A base image in the registry, and the recipe that it was made by."""

    fingerprint: str
    digest: str


class EngineLedger(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept between runs even when one fails: written after each import."""

    version: int = VERSION
    port: int = 0
    """The registry's, so that references stay the same."""
    images: dict[str, Imported] = {}
    """By repository."""


_T = TypeVar("_T", EngineRun, EngineLedger)


def load(path: Path, kind: type[_T]) -> _T | None:
    """What is there, or None if nothing is that this version can use."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=kind, dec_hook=_decode)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return found if found.version == VERSION else None


def save(path: Path, value: EngineRun | EngineLedger) -> None:
    """Whole or not at all."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(msgspec.json.format(msgspec.json.encode(value, enc_hook=str)))
    partial.rename(path)


def _decode(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError
