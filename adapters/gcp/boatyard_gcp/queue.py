"""Publishes to Pub/Sub: messages for the function that handles events, and dead letters.

https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/publish: all messages of a request are published,
or none; at most 1,000 and 10 MB. Its service account needs pubsub.topics.publish (roles/pubsub.publisher) on the
topics.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from boatyard_gcp.faults import NeededRole
from boatyard_gcp.rest import GoogleCall, GoogleRest
from boatyard_serverless.batches import batches
from boatyard_serverless.dead_letters import QueuedDeadLetters
from boatyard_serverless.ports import DeadLetters
from boatyard_serverless.rest import segment

_BATCH: Final = 200


class PubSubWorkQueue:
    """Implements `boatyard_serverless.ports.WorkQueue`. `topic` is the full name, `projects/<project>/topics/<id>`. Its
    truth value is False without a topic."""

    longest_delay_seconds = 0
    """Pub/Sub cannot delay a message. If there is no room for one, its subscription's back-off delivers it again."""

    def __init__(self, rest: GoogleRest, topic: str) -> None:
        self._rest = rest
        self._topic = topic

    def __bool__(self) -> bool:
        return bool(self._topic)

    def put(self, messages: Iterable[msgspec.Struct], *, delay_seconds: int = 0) -> None:
        """Raises DATAPLANE_UNAVAILABLE unless all were published; a repeat publishes some of them a second time."""
        if delay_seconds > self.longest_delay_seconds:
            raise ValueError("Pub/Sub cannot delay a message")
        for batch in batches(messages, _BATCH):
            publish(self._rest, self._topic, [{"data": b64encode(body).decode()} for body in batch])


def pubsub_dead_letters(rest: GoogleRest, topic: str) -> DeadLetters:
    """Without a topic, nothing is kept."""

    def post(text: str, attributes: dict[str, str]) -> None:
        publish(rest, topic, [{"data": b64encode(text.encode()).decode(), "attributes": attributes}])

    return QueuedDeadLetters(post if topic else None)


def publish(rest: GoogleRest, topic: str, messages: list[Mapping[str, Any]]) -> None:
    path = "/".join(segment(part) for part in topic.split("/"))
    need = NeededRole(
        permission="pubsub.topics.publish",
        resource=f"topic {topic}",
        role="roles/pubsub.publisher",
        grant=f"gcloud pubsub topics add-iam-policy-binding {topic}",
    )
    call = GoogleCall(api="pubsub", method="POST", path=f"/v1/{path}:publish", json={"messages": messages}, need=need)
    rest.send(call)
