"""Rebuilds the images that were built on a base, with one message each, so that no single invocation has to do all of
it.

The queue delivers at least once, and redelivers after a crash. So every step is safe to repeat: a page that is listed
twice adds its messages twice, and the second message of an order finds its image or its build.
"""

from collections.abc import Callable
from itertools import islice
from typing import Final

import msgspec

from boatyard.api.handlers import order_of
from boatyard.errors import BoatyardError, Code
from boatyard.reference import Reference
from boatyard.service import Service
from boatyard_serverless.bases import Orders, Pins
from boatyard_serverless.events.model import Dependent, DependentsPage
from boatyard_serverless.events.outcome import EventOutcome, ordered, words
from boatyard_serverless.ports import WorkQueue

PAGE_SIZE: Final = 500
"""Fifty requests to a queue that accepts ten messages each: one or two seconds."""
_MOST_DELAY: Final = 900
_MOST_TRIES: Final = 100
"""About a day of waiting for a free slot before the rebuild fails."""


class Dependents:
    """Without a queue, the first invocation rebuilds all images itself."""

    def __init__(self, service: Callable[[], Service], orders: Orders, pins: Pins, queue: WorkQueue) -> None:
        self._service = service
        self._orders = orders
        self._pins = pins
        self._queue = queue

    def page(self, page: DependentsPage) -> EventOutcome:
        return self._spread(page) if self._queue else self._inline(page)

    def rebuild(self, asked: Dependent) -> EventOutcome:
        """Raises errors that a retry can help.

        TOO_MANY_BUILDS is an exception if the queue can delay a message: the queue's own retries would run out before a
        build ends.
        """
        try:
            return self._rebuild(asked)
        except BoatyardError as error:
            longest = min(self._queue.longest_delay_seconds, _MOST_DELAY) if self._queue else 0
            if error.code != Code.TOO_MANY_BUILDS or not longest or asked.tries >= _MOST_TRIES:
                raise
            seconds = min(longest, 60 * 2 ** min(asked.tries, 10))
            self._queue.put([msgspec.structs.replace(asked, tries=asked.tries + 1)], delay_seconds=seconds)
            return EventOutcome(event=f"rebuild {asked.order}", queued=1, problems=(words(error),))

    def _spread(self, page: DependentsPage) -> EventOutcome:
        found = self._orders.on(Reference.parse(page.base), after=page.after, page=PAGE_SIZE)
        names = list(islice(found, PAGE_SIZE))
        self._queue.put(Dependent(base=page.base, digest=page.digest, order=name) for name in names)
        if len(names) == PAGE_SIZE:
            # Last, because an invocation that dies before this line repeats the page.
            self._queue.put([msgspec.structs.replace(page, after=names[-1])])
        return EventOutcome(event=f"dependents of {page.base}", queued=len(names))

    def _inline(self, page: DependentsPage) -> EventOutcome:
        builds: list[str] = []
        images: list[str] = []
        problems: list[str] = []
        again: BoatyardError | None = None
        for name in self._orders.on(Reference.parse(page.base), after=page.after):
            try:
                outcome = self._rebuild(Dependent(base=page.base, digest=page.digest, order=name))
            except BoatyardError as error:
                if error.meaning.retryable:
                    again = error  # raised after the others: the retry repeats them too, and each answers immediately
                else:
                    problems.append(words(error))
                continue
            builds += outcome.builds
            images += outcome.images
        if again is not None:
            raise again
        event = f"dependents of {page.base}"
        return EventOutcome(event=event, builds=tuple(builds), images=tuple(images), problems=tuple(problems))

    def _rebuild(self, asked: Dependent) -> EventOutcome:
        event = f"rebuild {asked.order}"
        built = self._orders.get(asked.order)
        if built is None:
            return EventOutcome(event=event, ignored="its order is gone")
        # Another instance may have pinned the base. Older pins would give the old key, and find the old image.
        self._pins.know(Reference.parse(asked.base), asked.digest)
        return ordered(event, self._service().ensure(order_of(built.order)))
