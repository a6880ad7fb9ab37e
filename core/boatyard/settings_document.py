"""Reads settings files for every command and function: TOML, or the JSON of a ConfigMap."""

from collections.abc import Mapping
from typing import Any, Final

from boatyard.decoding import Undecodable, convert, decode_json
from boatyard.errors import invalid
from boatyard.settings import Settings

CLIENT: Final = "client"
"""The client's own section of a boatyard.toml, which is not part of the deployment's settings."""


def settings_table(data: bytes, name: str) -> dict[str, Any]:
    """Parses a settings file, without the client's section. The extension of `name` decides the format; other files are
    JSON if they start like an object. Raises Undecodable."""
    if name.endswith(".json") or (not name.endswith(".toml") and data.lstrip()[:1] == b"{"):
        table = decode_json(data, dict[str, Any])
    else:
        table = toml_table(data)
    table.pop(CLIENT, None)
    return table


def toml_table(data: bytes) -> dict[str, Any]:
    """Raises Undecodable."""
    from boatyard import toml  # functions have their settings as JSON, and start without a parser of TOML

    try:
        return toml.loads(data.decode("utf-8"))
    except (toml.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Undecodable(f"not TOML: {error}") from None
    except RecursionError:
        raise Undecodable("nested too deeply") from None


def to_settings(table: Mapping[str, Any], where: str, *, strict: bool = True) -> Settings:
    """Converts a table to settings. `where` names it in errors. Not `strict`: text is accepted for numbers and
    booleans.

    Raises INVALID_SPEC with one line as its detail: the place, the field, and the problem.
    """
    try:
        return convert(table, Settings, strict=strict, quote=True)
    except Undecodable as error:
        field = f"{error.path}: " if error.path else ""
        detail = f"{where}: {field}{error.reason[:1].lower()}{error.reason[1:]}"
        raise invalid(detail, field=error.path or None) from None


def joined(over: Mapping[str, Any], beneath: Mapping[str, Any]) -> dict[str, Any]:
    """Merges two tables of settings.

    Sections are merged by name. Lists of tables, such as baseImages, are put before those of `beneath`, so that rules
    of `over` match first. Every other value replaces the one in `beneath`.
    """
    table = dict(beneath)
    for name, value in over.items():
        below = beneath.get(name)
        if isinstance(value, dict) and isinstance(below, dict):
            value = joined(value, below)
        elif isinstance(below, list) and value and all(isinstance(row, dict) for row in (*value, *below)):
            value = [*value, *below]
        table[name] = value
    return table
