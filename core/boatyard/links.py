"""Follows the links of a context as BuildKit does: no link leaves the context's root."""

from collections.abc import Callable
from typing import Final

import msgspec

_MOST: Final = 255
"""Most links that BuildKit follows (continuity's fs.RootPath)."""


class Way(msgspec.Struct, frozen=True):
    """`end` is the resolved path, which may not exist; `.` is the root."""

    end: str
    passed: tuple[str, ...]
    """Folders and links on the way, in order."""
    endless: bool = False
    """Whether the links form a loop; `end` is then one of them."""


def follow(path: str, target_of: Callable[[str], str | None]) -> Way:
    """Resolves a path. `target_of` returns the text of the link at a path, or None if it is not a link.

    An absolute target starts at the root, and `..` does not leave it.
    """
    pending = path.split("/")[::-1]
    at: list[str] = []
    passed: list[str] = []
    links = 0
    while pending:
        part = pending.pop()
        if part in ("", "."):
            continue
        if part == "..":
            at = at[:-1]
            continue
        at.append(part)
        here = "/".join(at)
        target = target_of(here)
        if target is None:
            if pending:
                passed.append(here)
            continue
        passed.append(here)
        links += 1
        if links > _MOST:
            return Way(here, tuple(passed), endless=True)
        at = [] if target.startswith("/") else at[:-1]
        pending += target.split("/")[::-1]
    above = ("/".join(at[:depth]) for depth in range(1, len(at)))
    return Way("/".join(at) or ".", (*passed, *above))
