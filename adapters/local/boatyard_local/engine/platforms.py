"""Detects a BuildKit's platforms: its own architecture, and those that binfmt_misc emulates."""

import platform
import re
from typing import Final

_MACHINES: Final = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_NAMES: Final = ("linux/amd64", "linux/arm64")


def native() -> str:
    """The machine's own platform for containers, also on macOS."""
    machine = platform.machine().lower()
    return f"linux/{_MACHINES.get(machine, machine)}"


def buildable(inspected: str) -> tuple[str, ...]:
    """The platforms in the output of `docker buildx inspect` that flyte knows, the first node's own first.

    A star marks a manually selected platform; variants such as linux/amd64/v2 are skipped.
    """
    listed = [
        name.strip().rstrip("*")
        for line in re.findall(r"^\s*Platforms:\s*(.+)$", inspected, re.MULTILINE)
        for name in line.split(",")
    ]
    return tuple(dict.fromkeys(name for name in listed if name in _NAMES))
