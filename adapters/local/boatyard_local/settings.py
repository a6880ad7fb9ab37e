"""Reads settings from a TOML file and the environment.

The file uses the names of `boatyard.settings`. A variable overrides one setting: its name is `BOATYARD_`, then the path
in capitals with `__` between sections and `_` between words.

    BOATYARD_DEFAULT_REPOSITORY=127.0.0.1:5000/images     defaultRepository
    BOATYARD_LIMITS__CONCURRENT_BUILDS=4                  limits.concurrentBuilds
    BOATYARD_PLATFORMS=linux/amd64,linux/arm64            platforms; a list also as a JSON array
    BOATYARD_REGISTRY_MIRRORS={"docker.io": "…"}          registryMirrors; tables as JSON

Variables of other parts (such as BOATYARD_URL) are ignored, but a misspelled name of a setting is refused.
"""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from boatyard.decoding import Undecodable
from boatyard.errors import BoatyardError
from boatyard.settings import Settings
from boatyard.settings_document import joined, settings_table, to_settings
from boatyard.settings_variables import PREFIX, variable_names, with_variables

_NEAR: Final = 0.88


class SettingsError(Exception):
    """The text is one line: the source, the field, the problem."""


def load_settings(
    path: Path | None, environ: Mapping[str, str] | None = None, *, beneath: Path | None = None
) -> Settings:
    """The settings of `path`, which override those of `beneath`; variables override both. Raises SettingsError.

    `boatyard.settings_document.joined` defines how they are merged.
    """
    environ = os.environ if environ is None else environ
    table: dict[str, Any] = {}
    try:
        for file in (beneath, path):
            if file is not None:
                over = _read(file)
                to_settings(over, str(file))
                table = joined(over, table)
        _refuse_near_misses(environ)
        return with_variables(table, environ)
    except BoatyardError as error:
        raise SettingsError(error.detail) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return settings_table(path.read_bytes(), path.name)
    except OSError as error:
        raise SettingsError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from None
    except Undecodable as error:
        raise SettingsError(f"{path}: {error}") from None


def _refuse_near_misses(environ: Mapping[str, str]) -> None:
    known = variable_names()
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or variable in known:
            continue
        if near := difflib.get_close_matches(variable, known, 1, _NEAR):
            raise SettingsError(f"{variable}: no such setting; did you mean {near[0]}?")
