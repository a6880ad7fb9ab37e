"""What was built on a base is built anew: a message each, so that no invocation has to do it all.

The queue delivers at least once, and a crash anywhere makes it deliver again. So every step may be repeated: a page
that is listed twice puts its messages there twice, and the second message of an order finds its image or its build.
"""

from collections.abc import Callable
from itertools import islice
from typing import Any, Final, TypeVar

import msgspec

from boatyard.api.handlers import order_of
from boatyard.api.messages import BuildAnswer
from boatyard.decoding import Undecodable, convert
from boatyard.errors import BoatyardError, invalid
from boatyard.reference import Reference
from boatyard.service import Service
from boatyard_aws.bases import Orders, Pins
from boatyard_aws.events.outcome import Outcome, words
from boatyard_aws.events.work_queue import WorkQueue

SOURCE: Final = "boatyard"
PAGE: Final = "Base Dependents"
REBUILD: Final = "Base Dependent"
PAGE_SIZE: Final = 500
"""Fifty requests to the queue: a second or two."""
_MOST_DELAY: Final = 900
"""Seconds: SQS holds no message back for longer."""
_MOST_TRIES: Final = 100
"""A day of waiting for room, before it counts as a failure."""

_Detail = TypeVar("_Detail", bound="_Message")


class _Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    base: str
    digest: str
    """What the base was pinned to when this was written. It may have moved on since."""


class Page(_Message, frozen=True, kw_only=True):
    """The dependents of a base behind the one named `after`."""

    after: str = ""


class Rebuild(_Message, frozen=True, kw_only=True):
    """One dependent."""

    order: str
    tries: int = 0
    """How often there was no room for it."""


class Dependents:
    """Without a queue all are rebuilt at once, by the invocation that begins."""

    def __init__(self, service: Callable[[], Service], orders: Orders, pins: Pins, queue: WorkQueue) -> None:
        self._service = service
        self._orders = orders
        self._pins = pins
        self._queue = queue

    def begin(self, page: Page) -> Outcome:
        return self._spread(page) if self._queue else self._inline(page)

    def page(self, event: dict[str, Any]) -> Outcome:
        return self.begin(_detail(event, Page))

    def rebuild(self, event: dict[str, Any]) -> Outcome:
        """Raises what a repeat can help. No room is none of that: repeats would be used up before there is any."""
        asked = _detail(event, Rebuild)
        try:
            return self._rebuild(asked)
        except BoatyardError as error:
            if error.code != "TOO_MANY_BUILDS" or not self._queue or asked.tries >= _MOST_TRIES:
                raise
            seconds = min(_MOST_DELAY, 60 * 2 ** min(asked.tries, 10))
            self._queue.put(
                [_event(REBUILD, msgspec.structs.replace(asked, tries=asked.tries + 1))], delay_seconds=seconds
            )
            return Outcome(event=f"rebuild {asked.order}", queued=1, problems=(words(error),))

    def _spread(self, page: Page) -> Outcome:
        found = self._orders.on(Reference.parse(page.base), after=page.after, page=PAGE_SIZE)
        names = list(islice(found, PAGE_SIZE))
        self._queue.put(_event(REBUILD, Rebuild(base=page.base, digest=page.digest, order=name)) for name in names)
        if len(names) == PAGE_SIZE:
            # Last, so that whoever dies before it begins this page anew.
            self._queue.put([_event(PAGE, msgspec.structs.replace(page, after=names[-1]))])
        return Outcome(event=f"dependents of {page.base}", queued=len(names))

    def _inline(self, page: Page) -> Outcome:
        builds: list[str] = []
        images: list[str] = []
        problems: list[str] = []
        again: BoatyardError | None = None
        for name in self._orders.on(Reference.parse(page.base), after=page.after):
            try:
                told = self._rebuild(Rebuild(base=page.base, digest=page.digest, order=name))
            except BoatyardError as error:
                if error.meaning.retryable:
                    again = error  # after the others: they are asked again too, and answer at once
                else:
                    problems.append(words(error))
                continue
            builds += told.builds
            images += told.images
        if again is not None:
            raise again
        event = f"dependents of {page.base}"
        return Outcome(event=event, builds=tuple(builds), images=tuple(images), problems=tuple(problems))

    def _rebuild(self, asked: Rebuild) -> Outcome:
        event = f"rebuild {asked.order}"
        built = self._orders.get(asked.order)
        if built is None:
            return Outcome(event=event, ignored="its order is gone")
        # Another instance pinned the base: with older pins the old key would be computed, and found.
        self._pins.know(Reference.parse(asked.base), asked.digest)
        told = BuildAnswer.of(self._service().ensure(order_of(built.order)))
        return Outcome(event=event, builds=(told.id,) if told.id else (), images=(told.image,) if told.image else ())


def _event(kind: str, detail: _Message) -> dict[str, Any]:
    """Like EventBridge's own, so that one table routes them all."""
    return {"source": SOURCE, "detail-type": kind, "detail": msgspec.to_builtins(detail)}


def _detail(event: dict[str, Any], kind: type[_Detail]) -> _Detail:
    try:
        return convert(event["detail"], kind)
    except Undecodable as error:
        raise invalid(f"the event's detail: {error}") from None
