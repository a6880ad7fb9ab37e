"""Reads the deployment's settings, for commands that work without a server.

There are two files: `.boatyard/boatyard.toml` with the detected settings of this machine, and boatyard.toml with the
project's, which override them; each in the working directory or the closest parent folder. A file that is named
explicitly replaces both. Variables such as BOATYARD_LIMITS__LAYERS are only read by the server.
"""

from pathlib import Path
from typing import Any, Final

from boatyard.decoding import Undecodable
from boatyard.errors import BoatyardError
from boatyard.settings import Settings
from boatyard.settings_document import joined, settings_table, to_settings
from boatyard_client.endpoint import PROJECT_FILE, upwards
from boatyard_client.errors import ConfigError

STATE_FILE: Final = ".boatyard/boatyard.toml"


def settings_files(*, folder: Path | None = None) -> list[Path]:
    """The files in use; each overrides those before it."""
    return [path for name in (STATE_FILE, PROJECT_FILE) if (path := _nearest(name, folder)) is not None]


def project_settings(*, folder: Path | None = None) -> Path | None:
    """The project's boatyard.toml, if it contains settings of a deployment."""
    return _nearest(PROJECT_FILE, folder)


def find_settings(path: Path | None = None, *, folder: Path | None = None) -> tuple[Settings, list[Path]]:
    """The settings and their files; the defaults without any file. Raises ConfigError for an invalid file."""
    files = [path] if path is not None else settings_files(folder=folder)
    merged: dict[str, Any] = {}
    for file in files:
        own = _table(file)
        _settings(own, file)
        merged = joined(own, merged)
    return to_settings(merged, "settings"), files


def _nearest(name: str, folder: Path | None) -> Path | None:
    found = next((path for place in upwards(folder or Path.cwd()) if (path := place / name).is_file()), None)
    return found if found is not None and _table(found) else None


def _table(path: Path) -> dict[str, Any]:
    """Everything but `[client]`, which only the client uses."""
    try:
        return settings_table(path.read_bytes(), path.name)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from None
    except Undecodable as error:
        raise ConfigError(f"{path} is {error}") from None


def _settings(table: dict[str, Any], path: Path) -> Settings:
    try:
        return to_settings(table, str(path))
    except BoatyardError as error:
        raise ConfigError(error.detail, advice="`boatyard config init` shows every setting.") from None
