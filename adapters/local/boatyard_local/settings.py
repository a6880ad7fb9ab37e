"""Settings from a TOML file and the environment.

The file has the names of `boatyard.settings`. A variable overrides one value of it: `BOATYARD_`, then the
path in capitals with `__` between sections and `_` between words.

    BOATYARD_DEFAULT_REPOSITORY=127.0.0.1:5000/images     defaultRepository
    BOATYARD_LIMITS__CONCURRENT_BUILDS=4                  limits.concurrentBuilds
    BOATYARD_PLATFORMS=linux/amd64,linux/arm64            platforms; a list also as a JSON array
    BOATYARD_REGISTRY_MIRRORS={"docker.io": "…"}          registryMirrors; tables as JSON

Variables of other parts (BOATYARD_URL and such) are left alone, but a near miss of a name above is refused.
"""

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from boatyard.errors import BoatyardError
from boatyard.settings import Settings
from boatyard.settings_variables import PREFIX, variable_names, with_variables

_NEAR: Final = 0.88


class SettingsError(Exception):
    """One line: where, which field, what is wrong."""


def load_settings(
    path: Path | None, environ: Mapping[str, str] | None = None, *, beneath: Path | None = None
) -> Settings:
    """The settings of `path`, over those of `beneath`, under those of the environment. Raises SettingsError.

    Tables are joined name by name. Lists of tables, such as baseImages, are put before those beneath, so
    that the first rule that matches is one of `path`. Everything else replaces what is beneath.
    """
    environ = os.environ if environ is None else environ
    table: dict[str, Any] = {}
    for file in (beneath, path):
        if file is not None:
            over = _read(file)
            over.pop("client", None)  # the client's own section of a boatyard.toml that both read
            _convert(over, str(file), strict=True)
            table = _joined(over, table)
    _refuse_near_misses(environ)
    try:
        return with_variables(table, environ)
    except BoatyardError as error:
        raise SettingsError(error.detail) from None


def _joined(over: Mapping[str, Any], beneath: Mapping[str, Any]) -> dict[str, Any]:
    joined = dict(beneath)
    for name, value in over.items():
        below = beneath.get(name)
        if isinstance(value, dict) and isinstance(below, dict):
            value = _joined(value, below)
        elif isinstance(below, list) and value and all(isinstance(row, dict) for row in (*value, *below)):
            value = [*value, *below]
        joined[name] = value
    return joined


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not TOML: {error}") from None


def _convert(table: Mapping[str, Any], where: str, *, strict: bool) -> Settings:
    try:
        return msgspec.convert(table, Settings, strict=strict)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `$")
        field = place.strip("`.")
        raise SettingsError(f"{where}: {f'{field}: ' if field else ''}{message[:1].lower()}{message[1:]}") from None


def _refuse_near_misses(environ: Mapping[str, str]) -> None:
    known = variable_names()
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or variable in known:
            continue
        if near := difflib.get_close_matches(variable, known, 1, _NEAR):
            raise SettingsError(f"{variable}: no such setting; did you mean {near[0]}?")
