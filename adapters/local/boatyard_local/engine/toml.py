"""Writes TOML: the standard library only reads it."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any


def dumps(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> str:
    """Strings, booleans, integers, lists of those, tables, and lists of tables."""
    lines = [
        f"{_key(name)} = {_value(value)}"
        for name, value in table.items()
        if not isinstance(value, Mapping) and not _is_tables(value)
    ]
    blocks = ["".join(f"{line}\n" for line in lines)] if lines else []
    for name, value in table.items():
        inner = (*path, name)
        title = ".".join(_key(part) for part in inner)
        if isinstance(value, Mapping):
            blocks.append(f"[{title}]\n{dumps(value, inner)}")
        elif _is_tables(value):
            blocks.extend(f"[[{title}]]\n{dumps(item, inner)}" for item in value)
    return "\n".join(blocks)


def _is_tables(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _string(name)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, Sequence):
        return f"[{', '.join(_value(item) for item in value)}]"
    raise TypeError(f"{type(value).__name__} has no form in TOML here")


def _string(text: str) -> str:
    # JSON's escapes are a part of TOML's, but for DEL, which TOML wants escaped as well.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
