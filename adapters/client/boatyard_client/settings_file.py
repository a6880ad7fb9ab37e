"""The deployment's settings, for commands that work without a server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from boatyard.settings import Settings
from boatyard_client.endpoint import PROJECT_FILE, read_toml, upwards
from boatyard_client.errors import ConfigError

STATE_FILE: Final = ".boatyard/boatyard.toml"
"""What the embedded server found on this machine."""


def find_settings(path: Path | None = None, *, folder: Path | None = None) -> tuple[Settings, str]:
    """Settings and where they are from: the file named, else the nearest boatyard.toml that has any, else the
    nearest `.boatyard/boatyard.toml`, else the defaults. Raises ConfigError for a file that is wrong.
    """
    if path is not None:
        return _settings(path, _table(path)), str(path)
    for candidate in _candidates(folder or Path.cwd()):
        if table := _table(candidate):
            return _settings(candidate, table), str(candidate)
    return Settings(), ""


def _candidates(folder: Path) -> Iterator[Path]:
    for name in (PROJECT_FILE, STATE_FILE):
        for place in upwards(folder):
            if (path := place / name).is_file():
                yield path
                break


def _table(path: Path) -> dict[str, object]:
    """Everything but `[client]`, which is the client's own."""
    table = read_toml(path)
    table.pop("client", None)
    return table


def _settings(path: Path, table: dict[str, object]) -> Settings:
    try:
        return msgspec.convert(table, Settings)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}", advice="`boatyard config init` shows every setting.") from None
