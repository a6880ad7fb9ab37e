"""The result of an event."""

from typing import Any, Literal

import msgspec

from boatyard.errors import BoatyardError


class EventOutcome(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """`ignored` says why nothing was to be done. `builds` are ids, `images` what was there already."""

    event: str
    ignored: str = ""
    builds: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    queued: int = 0
    """Messages that carry on with it."""
    problems: tuple[str, ...] = ()
    """`CODE: detail` of what no repeat can help."""
    code: Literal[""] | str = ""

    def document(self) -> dict[str, Any]:
        made: dict[str, Any] = msgspec.to_builtins(self)
        return made


def words(error: BoatyardError) -> str:
    return f"{error.code}: {error.detail}"
