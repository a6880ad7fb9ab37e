"""Parses directives: `# escape=`, `# syntax=`, `# check=`, in the first lines only."""

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from boatyard.dockerfile.parse.blanks import SPACE
from boatyard.dockerfile.parse.refusal import unreadable

_NAMES: Final = frozenset({"syntax", "escape", "check"})
_BLANK: Final = "\t\n\f\r "
_DIRECTIVE: Final = re.compile(r"([a-zA-Z][a-zA-Z0-9]*)[\t\n\f\r ]*=[\t\n\f\r ]*([^\n]+)")


class Directive(msgspec.Struct, frozen=True):
    name: str
    """In lower case."""
    value: str
    line: int


def directives(lines: Iterable[str], *, first: int = 1, comment: str = "#") -> list[Directive]:
    """The directives at the beginning of `lines`, the first of which has the number `first`.

    The first other line ends them. Raises INVALID_DOCKERFILE for a repeated directive.
    """
    found: dict[str, Directive] = {}
    for number, line in enumerate(lines, first):
        read = _read(line.rstrip("\r\n"), comment)
        if read is None:
            break
        name, value = read
        if name in found:
            raise unreadable(number, f"only one {name} parser directive can be used")
        found[name] = Directive(name, value, number)
    return list(found.values())


def _read(line: str, comment: str) -> tuple[str, str] | None:
    line = line.lstrip(SPACE)
    if not line.startswith(comment):
        return None
    match = _DIRECTIVE.match(line[len(comment) :].lstrip(SPACE))
    if match is None or match[1].lower() not in _NAMES:
        return None
    return match[1].lower(), match[2].rstrip(_BLANK)
