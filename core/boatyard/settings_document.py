"""A settings file's text as a table: TOML, or the JSON that a ConfigMap holds. One reader for every command."""

import tomllib
from typing import Any, Final

from boatyard.decoding import Undecodable, decode_json

CLIENT: Final = "client"
"""The client's own section of a boatyard.toml, which is no setting of a deployment."""


def settings_table(data: bytes, name: str) -> dict[str, Any]:
    """`name` is the file's, whose ending says what it is; any other is JSON if it begins like an object. Without the
    client's section. Raises Undecodable."""
    if name.endswith(".json") or (not name.endswith(".toml") and data.lstrip()[:1] == b"{"):
        table = decode_json(data, dict[str, Any])
    else:
        table = _toml(data)
    table.pop(CLIENT, None)
    return table


def _toml(data: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Undecodable(f"not TOML: {error}") from None
    except RecursionError:
        raise Undecodable("nested too deeply") from None
