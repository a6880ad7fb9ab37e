"""One thing that was looked at."""

from enum import StrEnum

import msgspec


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    """Builds may work; whoever runs the cluster should know."""
    FAILED = "failed"
    """Builds will not work until `advice` is followed."""
    UNKNOWN = "unknown"
    """It could not be looked at; `text` says why."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    check: str
    """A few words that stay the same, such as `rbac` or `user namespaces`."""
    verdict: Verdict
    text: str
    advice: str = ""


def ok(check: str, text: str) -> Finding:
    return Finding(check=check, verdict=Verdict.OK, text=text)


def warning(check: str, text: str, advice: str) -> Finding:
    return Finding(check=check, verdict=Verdict.WARNING, text=text, advice=advice)


def failed(check: str, text: str, advice: str) -> Finding:
    return Finding(check=check, verdict=Verdict.FAILED, text=text, advice=advice)


def unknown(check: str, text: str) -> Finding:
    return Finding(check=check, verdict=Verdict.UNKNOWN, text=text)
