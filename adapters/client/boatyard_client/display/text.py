"""Makes untrusted text safe for a terminal."""

import re
from typing import Final

_ESCAPES: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(line: str) -> str:
    """A line of a log without colors, cursor movements and other control sequences."""
    last = line.rstrip("\r\n").rpartition("\r")[2]
    return _CONTROL.sub("", _ESCAPES.sub("", last)).replace("\t", "    ")


def seconds(value: float) -> str:
    """`4.2 s`, `1 min 05 s`."""
    if value < 60:
        return f"{value:.1f} s"
    return f"{int(value // 60)} min {int(value % 60):02d} s"


def size(value: int) -> str:
    """`812 kB`, `1.4 MB`."""
    amount = float(value)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"
