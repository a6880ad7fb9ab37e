"""The result of an event."""

from typing import Any, Literal

import msgspec

from boatyard.api.messages import BuildAnswer
from boatyard.errors import BoatyardError, Code
from boatyard.service import OrderAnswer


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


def ordered(event: str, answer: OrderAnswer) -> EventOutcome:
    """Raises DATAPLANE_UNAVAILABLE if nobody knows whether the build was started: no caller asks for it again, so the
    event has to come again, until a function has taken the build over."""
    if not answer.is_started and answer.build:
        raise BoatyardError(
            Code.DATAPLANE_UNAVAILABLE,
            f"build {answer.build.id} was claimed, and is not known to be started: another function starts it, or has "
            "died",
        )
    found = BuildAnswer.of(answer)
    return EventOutcome(
        event=event, builds=(found.id,) if found.id else (), images=(found.image,) if found.image else ()
    )


def words(error: BoatyardError) -> str:
    return f"{error.code}: {error.detail}"
