"""Generates the file of `boatyard config init` from the settings' model, so that it is always up to date."""

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator
from types import GenericAlias
from typing import Any, Final, Literal, get_args, get_origin

import msgspec

from boatyard.settings import Settings
from boatyard_client.endpoint import ClientSettings

_WIDTH: Final = 110
_HEAD: Final = """\
# Boatyard's configuration. Every setting below has its default: remove its # to change it.
#
# `boatyard serve` finds or sets up BuildKit and a registry on this machine; this file takes precedence over what it
# found. Deployments in a cloud use the same names.
"""
_CLIENT: Final = """\
# The service that the commands and the flyte plugin call, and their project and domain. BOATYARD_URL and --url take
# precedence.
[client]
"""


def template() -> str:
    """TOML whose settings are all comments. Uncommented, it contains exactly the defaults."""
    top = _values(Settings)
    client = _CLIENT + "\n".join(_values(ClientSettings))
    return "\n\n".join([_HEAD.rstrip(), "\n".join(top), client, *_sections(Settings, "")]) + "\n"


def _sections(kind: type[msgspec.Struct], prefix: str) -> Iterator[str]:
    for info in msgspec.structs.fields(kind):
        if _is_section(info.type):
            name = f"{prefix}{info.encode_name}"
            about = _comment(
                _documented(kind).get(info.name) or inspect.cleandoc(info.type.__dict__.get("__doc__") or "")
            )
            yield "\n".join([*about, f"#[{name}]", *_values(info.type)])
            yield from _sections(info.type, f"{name}.")


def _values(kind: type[msgspec.Struct]) -> list[str]:
    documented = _documented(kind)
    lines: list[str] = []
    for info in msgspec.structs.fields(kind):
        if not _is_section(info.type):
            lines += _comment(documented.get(info.name, ""))
            lines += _comment(_choices(info.type))
            default = info.default_factory() if info.default is msgspec.NODEFAULT else info.default
            if default is None:  # TOML has no null
                lines.append(f"# {info.encode_name} has no value by default.")
            else:
                lines.append(f"#{info.encode_name} = {_toml(msgspec.to_builtins(default))}")
    return lines


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and not isinstance(kind, GenericAlias) and issubclass(kind, msgspec.Struct)


def _documented(kind: type[msgspec.Struct]) -> dict[str, str]:
    """Reads the strings below a class's fields from its source, because Python does not keep them."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    found: dict[str, str] = {}
    field = ""
    for node in getattr(body, "body", ()):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            field = node.target.id
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and field:
            found[field] = inspect.cleandoc(str(node.value.value))
        else:
            field = ""
    return found


def _choices(kind: Any) -> str:
    literal = next((one for one in (kind, *get_args(kind)) if get_origin(one) is Literal), None)
    return f"One of {', '.join(map(str, get_args(literal)))}." if literal else ""


def _comment(text: str) -> list[str]:
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]
    return [f"# {line}" for part in paragraphs for line in textwrap.wrap(part, _WIDTH)]


def _toml(value: Any) -> str:
    match value:
        case dict():
            inner = ", ".join(f"{json.dumps(name)} = {_toml(item)}" for name, item in value.items())
            return f"{{ {inner} }}" if inner else "{}"
        case list() | tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case _:
            # JSON and TOML have the same syntax for strings, numbers and booleans.
            return json.dumps(value, ensure_ascii=False)
