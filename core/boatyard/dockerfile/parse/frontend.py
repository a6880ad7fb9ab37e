"""Finds the frontend in a Dockerfile's `syntax` directive."""

import re
from typing import Final

import msgspec

from boatyard.dockerfile.parse.directives import directives

_OURS: Final = re.compile(r"(?:.*/)?docker/dockerfile(?:-upstream)?(?:[:@].*)?\Z", re.DOTALL)


class Frontend(msgspec.Struct, frozen=True):
    image: str
    """The reference as written."""
    line: int
    """Its line, counted from 1; 0 if a build argument sets it."""

    @property
    def is_dockers(self) -> bool:
        """Whether it is Docker's own, from any registry, which reads Dockerfiles. Others may read any language."""
        return _OURS.match(self.image) is not None


def frontend(text: str, build_args: dict[str, str] | None = None) -> Frontend | None:
    """The frontend that BuildKit would fetch to read the file; None for its built-in one.

    Like BuildKit, it also looks at `//` comments and JSON, for frontends of other languages, and skips a first line
    `#!…`.
    """
    if given := (build_args or {}).get("BUILDKIT_SYNTAX", "").strip():
        return Frontend(given.split(" ", 1)[0], 0)
    lines = text.split("\n")
    shebang = lines[0].startswith("#!")
    for comment in ("#", "//"):
        for directive in directives(lines[shebang:], first=1 + shebang, comment=comment):
            if directive.name == "syntax":
                return _of(directive.value, directive.line)
    if text.lstrip("\t\n\r ").startswith("{"):
        try:
            document = msgspec.json.decode(text.encode("utf-8", "replace"), type=dict[str, object])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if isinstance(value := document.get("syntax"), str):
            return _of(value, 1)
    return None


def _of(value: str, line: int) -> Frontend | None:
    image = value.split(" ", 1)[0]
    return Frontend(image, line) if image else None
