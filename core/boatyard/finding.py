"""Results of the checks of `boatyard doctor`."""

import msgspec

from boatyard.backports import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    """Builds may work, but the finding needs attention."""
    FAIL = "fail"
    """Builds cannot work until the advice is followed."""
    UNKNOWN = "unknown"
    """The check could not run; `detail` says why."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the output, and an element of `checks` in `--json`."""

    check: str
    """The check's stable name, such as `registry` or `user namespaces`."""
    status: Level
    detail: str
    advice: str = ""
    """What to do: one or two sentences in the imperative."""


def ok(check: str, detail: str) -> Finding:
    return Finding(check=check, status=Level.OK, detail=detail)


def warn(check: str, detail: str, advice: str) -> Finding:
    return Finding(check=check, status=Level.WARN, detail=detail, advice=advice)


def fail(check: str, detail: str, advice: str) -> Finding:
    return Finding(check=check, status=Level.FAIL, detail=detail, advice=advice)


def unknown(check: str, detail: str, advice: str = "") -> Finding:
    return Finding(check=check, status=Level.UNKNOWN, detail=detail, advice=advice)
