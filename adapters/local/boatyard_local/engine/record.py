"""Stores the results of earlier runs, so that the next run is quick."""

from pathlib import Path
from typing import Final, TypeVar

import msgspec

from boatyard_local.engine.model import Engine

VERSION: Final = 1
"""The version of the formats below. Files of other versions are ignored."""


class EngineRun(msgspec.Struct, frozen=True, kw_only=True):
    """The last successful run."""

    version: int = VERSION
    engine: Engine


class Imported(msgspec.Struct, frozen=True):
    """A base image in the registry, and the fingerprint of its recipe."""

    fingerprint: str
    digest: str


class EngineLedger(msgspec.Struct, frozen=True, kw_only=True):
    """Data that is kept between runs, even after a failed one; written after each import."""

    version: int = VERSION
    port: int = 0
    """The registry's port, so that references stay valid."""
    images: dict[str, Imported] = {}
    """Images by repository."""


_T = TypeVar("_T", EngineRun, EngineLedger)


def load(path: Path, kind: type[_T]) -> _T | None:
    """Reads a file; None if it is missing or unusable for this version."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=kind, dec_hook=_decode)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return found if found.version == VERSION else None


def save(path: Path, value: EngineRun | EngineLedger) -> None:
    """Writes the file atomically."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(msgspec.json.format(msgspec.json.encode(value, enc_hook=str)))
    partial.rename(path)


def _decode(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError
