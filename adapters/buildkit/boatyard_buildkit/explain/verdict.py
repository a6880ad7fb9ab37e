"""The result of a rule."""

from typing import Final

import msgspec

from boatyard.errors import Code

_LONGEST: Final = 300


class Verdict(msgspec.Struct, frozen=True):
    """`message` is one sentence that names the thing at fault; an empty `advice` means the code's own."""

    code: Code
    message: str
    advice: str = ""


def sentence(text: str) -> str:
    """Any text as one bounded line."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
