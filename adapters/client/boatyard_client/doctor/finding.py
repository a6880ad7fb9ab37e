"""What a check found."""

from enum import StrEnum

import msgspec


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    """Builds may work; look at it."""
    FAIL = "fail"
    """Builds cannot work."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    check: str
    status: Level
    detail: str
    advice: str = ""


def ok(check: str, detail: str) -> Finding:
    return Finding(check=check, status=Level.OK, detail=detail)


def warn(check: str, detail: str, advice: str) -> Finding:
    return Finding(check=check, status=Level.WARN, detail=detail, advice=advice)


def fail(check: str, detail: str, advice: str) -> Finding:
    return Finding(check=check, status=Level.FAIL, detail=detail, advice=advice)
