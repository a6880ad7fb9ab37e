"""The result of an event."""

from typing import Any, Literal

import msgspec

from boatyard.errors import BoatyardError


class EventOutcome(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """`ignored` gives the reason if nothing was done. `builds` are ids of started builds, `images` existing images."""

    event: str
    ignored: str = ""
    builds: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    queued: int = 0
    """How many follow-up messages were queued."""
    problems: tuple[str, ...] = ()
    """`CODE: detail` of errors that retries cannot help."""
    code: Literal[""] | str = ""

    def document(self) -> dict[str, Any]:
        made: dict[str, Any] = msgspec.to_builtins(self)
        return made


def words(error: BoatyardError) -> str:
    return f"{error.code}: {error.detail}"
