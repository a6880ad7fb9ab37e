"""Pub/Sub: the topic that the function for events reads, from its other side, and the dead letters.

https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/publish: all messages of a request are taken, or
none; at most 1,000 and 10 MB. Its service account needs pubsub.topics.publish (roles/pubsub.publisher) on the topics.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final

import msgspec

from boatyard.errors import BoatyardError
from boatyard_gcp.faults import Need
from boatyard_gcp.rest import Call, Rest, segment

_BATCH: Final = 200
_LONGEST_ATTRIBUTE: Final = 1_024
"""Bytes (https://cloud.google.com/pubsub/quotas#resource_limits)."""


class PubSubWorkQueue:
    """Implements `boatyard_serverless.ports.WorkQueue`. `topic` is its whole name, `projects/<project>/topics/<id>`;
    False without one."""

    longest_delay_seconds = 0
    """Pub/Sub holds no message back. One that finds no room is delivered again by its subscription's own back-off."""

    def __init__(self, rest: Rest, topic: str) -> None:
        self._rest = rest
        self._topic = topic

    def __bool__(self) -> bool:
        return bool(self._topic)

    def put(self, messages: Iterable[msgspec.Struct], *, delay_seconds: int = 0) -> None:
        """Raises DATAPLANE_UNAVAILABLE unless all were taken; those that were come a second time with the repeat."""
        if delay_seconds > self.longest_delay_seconds:
            raise ValueError("Pub/Sub holds no message back")
        bodies = iter([msgspec.json.encode(message) for message in messages])
        while batch := list(islice(bodies, _BATCH)):
            publish(self._rest, self._topic, [{"data": b64encode(body).decode()} for body in batch])


class PubSubDeadLetters:
    """Implements `boatyard_serverless.ports.DeadLetters`. Without a topic, or if it does not take the message, the
    subscription's own dead letter policy has to keep it."""

    def __init__(self, rest: Rest, topic: str) -> None:
        self._rest = rest
        self._topic = topic

    def keep(self, body: Any, error: BoatyardError, *, source: str) -> bool:
        if not self._topic:
            return False
        data = body.encode() if isinstance(body, str) and body else msgspec.json.encode(body)
        attributes = {
            "boatyard-code": str(error.code),
            "boatyard-detail": _attribute(error.detail),
            "boatyard-source": _attribute(source),
        }
        try:
            publish(self._rest, self._topic, [{"data": b64encode(data).decode(), "attributes": attributes}])
        except BoatyardError:
            return False
        return True


def publish(rest: Rest, topic: str, messages: list[Mapping[str, Any]]) -> None:
    path = "/".join(segment(part) for part in topic.split("/"))
    need = Need(
        permission="pubsub.topics.publish",
        resource=f"topic {topic}",
        role="roles/pubsub.publisher",
        grant=f"gcloud pubsub topics add-iam-policy-binding {topic}",
    )
    call = Call(api="pubsub", method="POST", path=f"/v1/{path}:publish", json={"messages": messages}, need=need)
    rest.send(call)


def _attribute(text: str) -> str:
    """As much of it as an attribute holds."""
    return text.encode()[:_LONGEST_ATTRIBUTE].decode(errors="ignore") or "-"
