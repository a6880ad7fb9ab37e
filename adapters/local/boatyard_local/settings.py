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
import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, get_origin

import msgspec

from boatyard.settings import Settings

PREFIX: Final = "BOATYARD_"
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
    for variable, (names, kind) in _chosen(environ):
        place = table
        for name in names[:-1]:
            place = place.setdefault(name, {})
        place[names[-1]] = _value(variable, environ[variable], kind)
        _convert(table, variable, strict=False)
    return _convert(table, "settings", strict=False)


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


def _chosen(environ: Mapping[str, str]) -> Iterator[tuple[str, tuple[tuple[str, ...], Any]]]:
    known = dict(_fields(Settings, PREFIX, ()))
    for variable in sorted(environ):
        if variable in known:
            yield variable, known[variable]
        elif variable.startswith(PREFIX) and (near := difflib.get_close_matches(variable, known, 1, _NEAR)):
            raise SettingsError(f"{variable}: no such setting; did you mean {near[0]}?")


def _fields(
    kind: type[msgspec.Struct], prefix: str, names: tuple[str, ...]
) -> Iterator[tuple[str, tuple[tuple[str, ...], Any]]]:
    for field in msgspec.structs.fields(kind):
        variable = prefix + field.name.upper()
        path = (*names, field.encode_name)
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from _fields(field.type, f"{variable}__", path)
        else:
            yield variable, (path, field.type)


def _value(variable: str, text: str, kind: Any) -> Any:
    """A string as it is (msgspec makes numbers and truth values of it), lists and tables taken apart."""
    if get_origin(kind) not in (tuple, dict):
        return text
    if text.lstrip().startswith(("[", "{")):
        try:
            return json.loads(text)
        except ValueError as error:
            raise SettingsError(f"{variable}: not JSON: {error}") from None
    if get_origin(kind) is dict:
        raise SettingsError(f"{variable}: a table is written as JSON: {{…}}")
    return [part.strip() for part in text.split(",") if part.strip()]
