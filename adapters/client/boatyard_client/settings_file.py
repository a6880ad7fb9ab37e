"""The deployment's settings, for commands that work without a server.

Two files count: `.boatyard/boatyard.toml`, what was found on this machine, and over it boatyard.toml, what the
project says; each in the working directory or the closest folder above. A file that is named replaces both.
Variables such as BOATYARD_LIMITS__LAYERS are the server's and do not count here.
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
    """The files that count, each over those before it."""
    return [path for name in (STATE_FILE, PROJECT_FILE) if (path := _nearest(name, folder)) is not None]


def project_settings(*, folder: Path | None = None) -> Path | None:
    """The project's boatyard.toml, if it says anything about a deployment."""
    return _nearest(PROJECT_FILE, folder)


def find_settings(path: Path | None = None, *, folder: Path | None = None) -> tuple[Settings, list[Path]]:
    """The settings and the files they are from; the defaults from none. Raises ConfigError for a wrong file."""
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
    """Everything but `[client]`, which is the client's own."""
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
