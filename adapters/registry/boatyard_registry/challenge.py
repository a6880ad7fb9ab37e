"""Parses WWW-Authenticate (RFC 9110, 11.6.1) as far as registries use it: Bearer and Basic."""

import re
from collections.abc import Iterable
from typing import Final

import msgspec

_SCHEME: Final = re.compile(r"\s*,?\s*([A-Za-z]+)(?=\s|,|\Z)(?!\s*=)")
_PARAMETER: Final = re.compile(r"""\s*,?\s*([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))""")


class Challenge(msgspec.Struct, frozen=True):
    """`scheme` and the parameters' names are in lower case."""

    scheme: str
    parameters: dict[str, str]


def parse(headers: Iterable[str]) -> list[Challenge]:
    """The challenges in the given order, without unreadable ones."""
    return [challenge for header in headers for challenge in _parse(header)]


def _parse(header: str) -> list[Challenge]:
    found: list[Challenge] = []
    position = 0
    while scheme := _SCHEME.match(header, position):
        position = scheme.end()
        parameters: dict[str, str] = {}
        while parameter := _PARAMETER.match(header, position):
            quoted, plain = parameter[2], parameter[3]
            parameters[parameter[1].lower()] = re.sub(r"\\(.)", r"\1", quoted) if plain is None else plain
            position = parameter.end()
        found.append(Challenge(scheme[1].lower(), parameters))
    return found
