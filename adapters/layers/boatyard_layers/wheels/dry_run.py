"""Reads from `uv pip install --dry-run` what a layer would change."""

import re
from typing import Final

import msgspec

from boatyard_layers.errors import NotExact

_CHANGE: Final = re.compile(r" ([+~-]) ([a-z0-9][a-z0-9-]*)==([A-Za-z0-9.!+_-]+)( \(from .*\))?")

_FOREIGN: Final = re.compile(r" [+~] ([a-z0-9][a-z0-9-]*)(?:==\S+)? (?:@|\(from) ")


class Changes(msgspec.Struct, frozen=True):
    added: dict[str, str]
    """Versions by name; also of what is installed again."""
    removed: dict[str, str]


def read_changes(text: str) -> Changes:
    """Raises NotExact for a distribution that does not come from an index."""
    added: dict[str, str] = {}
    removed: dict[str, str] = {}
    for line in text.splitlines():
        if not line.startswith((" + ", " - ", " ~ ")):
            continue
        found = _CHANGE.fullmatch(line)
        if found is None:
            if foreign := _FOREIGN.match(line):
                raise NotExact(f"{foreign[1]} does not come from an index")
            raise NotExact("uv reports a change that is not understood")
        sign, name, version, origin = found.groups()
        if origin and sign != "-":
            raise NotExact(f"{name} does not come from an index")
        if sign in "+~":
            added[name] = version
        if sign in "-~":
            removed[name] = version
    return Changes(dict(sorted(added.items())), dict(sorted(removed.items())))
