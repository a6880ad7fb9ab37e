"""Reads settings from environment variables.

A variable overrides one value: `BOATYARD_`, then the path in capitals with `__` between sections and `_`
between words. Lists are separated by commas or written as JSON, tables are JSON.

    BOATYARD_DEFAULT_REPOSITORY=127.0.0.1:5000/images     defaultRepository
    BOATYARD_LIMITS__CONCURRENT_BUILDS=4                  limits.concurrentBuilds
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, get_origin

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import invalid
from boatyard.settings import Settings
from boatyard.settings_document import to_settings

PREFIX: Final = "BOATYARD_"


def with_variables(document: Mapping[str, Any], variables: Mapping[str, str]) -> Settings:
    """The document's settings, overridden by variables. Raises INVALID_SPEC with the place and the problem.

    Other variables are ignored, since other parts use the same prefix.
    """
    table = _checked(document, "settings")
    for name, (path, kind) in sorted(_fields(Settings, PREFIX, ())):
        if name not in variables:
            continue
        place = table
        for step in path[:-1]:
            place = place.setdefault(step, {})
        place[path[-1]] = _value(name, variables[name], kind)
        _checked(table, name)
    return to_settings(table, "settings", strict=False)


def variable_names() -> tuple[str, ...]:
    """The names of all variables for settings."""
    return tuple(name for name, _ in _fields(Settings, PREFIX, ()))


def _checked(document: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Checks a document of settings and returns it as a mutable table."""
    to_settings(document, where, strict=False)
    table: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document))
    return table


def _fields(
    kind: type[msgspec.Struct], prefix: str, path: tuple[str, ...]
) -> Iterator[tuple[str, tuple[tuple[str, ...], Any]]]:
    for field in msgspec.structs.fields(kind):
        name = prefix + field.name.upper()
        place = (*path, field.encode_name)
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from _fields(field.type, f"{name}__", place)
        else:
            yield name, (place, field.type)


def _value(name: str, text: str, kind: Any) -> Any:
    """A string (msgspec converts it to numbers and booleans), or a parsed list or table."""
    if get_origin(kind) not in (tuple, dict):
        return text
    if text.lstrip().startswith(("[", "{")):
        try:
            return decode_json(text, object)
        except Undecodable as error:
            raise invalid(f"{name}: {error}", field=name) from None
    if get_origin(kind) is dict:
        raise invalid(f"{name}: a table is written as JSON: {{…}}", field=name)
    return [part.strip() for part in text.split(",") if part.strip()]
