"""The entry point of all events. What comes more than once, or out of order, asks for the same key again:
the registry or the lock of the build answers, and one build is started.

An event that a repeat can help raises, so that Lambda, EventBridge or the queue delivers it again. One that
no repeat can help is told with its reason, and kept in the dead letters where there are some.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from boatyard.errors import BoatyardError, invalid
from boatyard_aws.events.outcome import Outcome, words
from boatyard_aws.observing import Observer

Handler = Callable[[dict[str, Any]], Outcome]


class DeadLetters(Protocol):
    def keep(self, body: Any, error: BoatyardError, *, source: str) -> bool:
        """False if there is no place for them."""
        ...


class EventApp:
    """`routes`: (source, detail-type) -> handler. `orders` takes a message that is an order."""

    def __init__(
        self,
        routes: Mapping[tuple[str, str], Handler],
        orders: Handler,
        dead_letters: DeadLetters,
        observer: Observer,
    ) -> None:
        self._routes = routes
        self._orders = orders
        self._dead_letters = dead_letters
        self._observer = observer

    def handle(self, event: Any, context: Any) -> dict[str, Any]:
        records = event.get("Records") if isinstance(event, dict) else None
        if isinstance(records, list) and records and _is_sqs(records[0]):
            from boatyard_aws.events.queue import partial_response

            self._observer.count("Messages", len(records))
            return partial_response(event, context, self._message)
        try:
            return self._route(event).document()
        except BoatyardError as error:
            if error.meaning.retryable:
                self._observer.refused("event is tried again", error)
                raise
            self._observer.refused("event refused", error)
            self._dead_letters.keep(event, error, source=_name(event))
            return Outcome(event=_name(event), problems=(words(error),), code=error.code).document()

    def _message(self, body: Any, message_id: str) -> None:
        """Raises what makes the queue deliver the message again."""
        try:
            outcome = self._route(body) if isinstance(body, dict) and "detail-type" in body else self._orders(body)
            self._observer.logger.info("message done", extra={"message_id": message_id, **outcome.document()})
        except BoatyardError as error:
            self._observer.refused("message refused", error, message_id=message_id)
            if error.meaning.retryable or not self._dead_letters.keep(body, error, source=message_id):
                raise

    def _route(self, event: Any) -> Outcome:
        if not isinstance(event, dict) or not isinstance(event.get("detail"), dict):
            raise invalid("the event is neither a queue's batch nor one of EventBridge")
        handler = self._routes.get((str(event.get("source")), str(event.get("detail-type"))))
        if handler is None:
            raise invalid(f"nothing here handles {_name(event)}")
        outcome = handler(event)
        self._observer.logger.info("event done", extra=outcome.document())
        self._observer.count("EventsDone")
        return outcome


def _is_sqs(record: Any) -> bool:
    return isinstance(record, dict) and record.get("eventSource") == "aws:sqs"


def _name(event: Any) -> str:
    if not isinstance(event, dict):
        return type(event).__name__
    return f"{event.get('source', '?')} {event.get('detail-type', '?')} {event.get('id', '')}".strip()[:200]
