"""Publishes to Pub/Sub topics and reads what arrived, for the contract suite of queues."""

import json
from typing import Any

from boatyard_gcp.queue import PubSubWorkQueue, pubsub_dead_letters
from boatyard_gcp.rest import GoogleRest
from tests.gcp.pubsub import Played, Topics, body_of


class QueueDriver:
    """Creates topics whose names begin with `name`."""

    def __init__(self, rest: GoogleRest, topics: Topics | Played, name: str) -> None:
        self._topics = topics
        self._queue, self._dead = topics.make(f"{name}-events"), topics.make(f"{name}-dead-letters")
        self.queue = PubSubWorkQueue(rest, self._queue)
        self.dead_letters = pubsub_dead_letters(rest, self._dead)

    def bodies(self) -> list[Any]:
        return [json.loads(body_of(each)) for each in self._topics.take(self._queue)]

    def dead(self) -> list[tuple[Any, str]]:
        return [(_read(body_of(each)), each["attributes"]["boatyard-code"]) for each in self._topics.take(self._dead)]


def _read(body: bytes) -> Any:
    """A body that was text is kept as text."""
    try:
        return json.loads(body)
    except ValueError:
        return body.decode()
