"""Reads settings files, for every command and function: TOML, or the JSON that a ConfigMap holds."""

from collections.abc import Mapping
from typing import Any, Final

from boatyard.decoding import Undecodable, convert, decode_json
from boatyard.errors import invalid
from boatyard.settings import Settings

CLIENT: Final = "client"
"""The client's own section of a boatyard.toml, which is no setting of a deployment."""


def settings_table(data: bytes, name: str) -> dict[str, Any]:
    """`name` is the file's, whose ending says what it is; any other is JSON if it begins like an object. Without the
    client's section. Raises Undecodable."""
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
    """`where` names the table in the error. Not `strict`: text stands for numbers and booleans, as in variables.

    Raises INVALID_SPEC, whose detail is one line: the place, the field, and what is wrong.
    """
    try:
        return convert(table, Settings, strict=strict, quote=True)
    except Undecodable as error:
        field = f"{error.path}: " if error.path else ""
        detail = f"{where}: {field}{error.reason[:1].lower()}{error.reason[1:]}"
        raise invalid(detail, field=error.path or None) from None


def joined(over: Mapping[str, Any], beneath: Mapping[str, Any]) -> dict[str, Any]:
    """Two tables of settings as one.

    Sections are joined name by name. Lists of tables, such as baseImages, are put before those beneath, so that the
    first rule that matches is one of `over`. Everything else replaces what is beneath.
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
