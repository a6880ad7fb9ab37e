"""Reads settings from environment variables.

A variable overrides one value: `BOATYARD_`, then the path in capitals with `__` between sections and `_`
between words. Lists are separated by commas or written as JSON, tables are JSON.

    BOATYARD_DEFAULT_REPOSITORY=127.0.0.1:5000/images     defaultRepository
    BOATYARD_LIMITS__CONCURRENT_BUILDS=4                  limits.concurrentBuilds
"""

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, get_origin

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError, invalid
from boatyard.settings import Settings
from boatyard.settings_document import to_settings

PREFIX: Final = "BOATYARD_"


def with_variables(document: Mapping[str, Any], variables: Mapping[str, str]) -> Settings:
    """The document's settings, overridden by variables. Raises INVALID_SPEC with the place and the problem.

    Other variables are ignored, since other parts use the same prefix.
    """
    start = _checked(document, "settings")
    fields = {name: field for name, field in sorted(_fields(Settings, PREFIX, ())) if name in variables}
    values = {name: _value(name, variables[name], kind) for name, (_, kind) in fields.items()}

    def table_of(names: Iterable[str]) -> dict[str, Any]:
        table = copy.deepcopy(start)
        for name in names:
            *sections, last = fields[name][0]
            place = table
            for section in sections:
                place = place.setdefault(section, {})
            place[last] = values[name]
        return table

    # All together, because one value may need another one. Then the one that is to blame: without it, or only with it.
    table = table_of(fields)
    try:
        return to_settings(table, "settings", strict=False)
    except BoatyardError:
        for name in fields:
            if _fits(table_of(other for other in fields if other != name)):
                to_settings(table, name, strict=False)
        for name in fields:
            to_settings(table_of([name]), name, strict=False)
        raise


def variable_names() -> tuple[str, ...]:
    """The names of all variables for settings."""
    return tuple(name for name, _ in _fields(Settings, PREFIX, ()))


def _checked(document: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Checks a document of settings and returns it as a mutable table."""
    to_settings(document, where, strict=False)
    table: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document))
    return table


def _fits(table: Mapping[str, Any]) -> bool:
    try:
        to_settings(table, "", strict=False)
    except BoatyardError:
        return False
    return True


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
