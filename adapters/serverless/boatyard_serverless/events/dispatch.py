"""Dispatches events to their handlers.

A duplicate or late event leads to the same key: the registry or the build's lock answers, and only one build starts. If
a retry can help, the handler raises, so that the sender delivers the event again. Otherwise the event is logged with
its reason and sent to the dead letters, if the deployment has any.
"""

from collections.abc import Callable
from typing import Any, Protocol

from boatyard.backports import assert_never
from boatyard.errors import BoatyardError, Code
from boatyard_serverless.events.base_pushed import BasePushed
from boatyard_serverless.events.dependents import Dependents
from boatyard_serverless.events.drift import Drift
from boatyard_serverless.events.model import (
    BuildWaiting,
    Dependent,
    DependentsPage,
    Event,
    ImagePushed,
    Irrelevant,
    OrderSent,
    Scheduled,
    SpecDropped,
)
from boatyard_serverless.events.orders import Ordering
from boatyard_serverless.events.outcome import EventOutcome, words
from boatyard_serverless.ports import DeadLetters, Telemetry
from boatyard_serverless.telemetry import report_refusal

Parse = Callable[[], Event]
"""Raises INVALID_SPEC for an unknown event."""


class Builds(Protocol):
    """`boatyard_serverless.inline.building`, in a deployment whose function carries builds out itself."""

    def __call__(self, event: BuildWaiting, *, message: str, seconds_left: float | None) -> EventOutcome: ...


class Dispatch:
    def __init__(
        self,
        *,
        orders: Ordering,
        pushed: BasePushed,
        dependents: Dependents,
        drift: Drift,
        dead_letters: DeadLetters,
        telemetry: Telemetry,
        builds: Builds | None = None,
    ) -> None:
        self._orders = orders
        self._pushed = pushed
        self._dependents = dependents
        self._drift = drift
        self._dead_letters = dead_letters
        self._telemetry = telemetry
        self._builds = builds

    def event(self, parse: Parse, body: Any, *, source: str, queued: bool = False) -> EventOutcome:
        """Handles an event whose sender waits for the result. Raises errors that a retry can help.

        `queued`: it is a message of the deployment's own queue, which keeps no dead letters.
        """
        try:
            event = parse()
            if queued and isinstance(event, BuildWaiting):
                return self._report(self._carried_out(event, source, None))
            return self._report(self._outcome(event))
        except BoatyardError as error:
            if error.meaning.retryable:
                report_refusal(self._telemetry, "event is tried again", error, source=source)
                raise
            report_refusal(self._telemetry, "event refused", error, source=source)
            self._dead_letters.keep(body, error, source=source)
            return EventOutcome(event=source, problems=(words(error),), code=error.code)

    def message(self, parse: Parse, body: Any, *, source: str, seconds_left: float | None = None) -> None:
        """Handles a message of a queue. Raises errors so that the queue redelivers it, and finally moves it to its dead
        letters.

        `source` is the message's id, equal for all its deliveries. `seconds_left`: how long the platform lets the
        function work, if it says so.
        """
        try:
            event = parse()
            if isinstance(event, BuildWaiting):
                outcome = self._carried_out(event, source, seconds_left)
            else:
                outcome = self._outcome(event)
            self._report(outcome, source=source)
        except BoatyardError as error:
            report_refusal(self._telemetry, "message refused", error, source=source)
            if error.meaning.retryable or not self._dead_letters.keep(body, error, source=source):
                raise

    def _carried_out(self, event: BuildWaiting, message: str, seconds_left: float | None) -> EventOutcome:
        if self._builds is None:
            raise BoatyardError(
                Code.UNSUPPORTED,
                f"build {event.build} is for a function that carries builds out; this one does not",
            )
        return self._builds(event, message=message, seconds_left=seconds_left)

    def _report(self, outcome: EventOutcome, **extra: str) -> EventOutcome:
        self._telemetry.info("event done", **extra, **outcome.document())
        self._telemetry.count("EventsDone")
        return outcome

    def _outcome(self, event: Event) -> EventOutcome:
        match event:
            case OrderSent():
                return self._orders.sent(event)
            case SpecDropped():
                return self._orders.dropped(event)
            case ImagePushed():
                return self._pushed(event)
            case Scheduled():
                return self._drift()
            case DependentsPage():
                return self._dependents.page(event)
            case Dependent():
                return self._dependents.rebuild(event)
            case BuildWaiting():
                return EventOutcome(event=f"build {event.build}", ignored="only the queue's message starts it")
            case Irrelevant():
                return EventOutcome(event=event.name, ignored=event.why)
        assert_never(event)
