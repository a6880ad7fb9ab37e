"""Stores messages that retries cannot help in a queue, with the reason in their attributes."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from boatyard.errors import BoatyardError

_LONGEST_REASON: Final = 1_000
"""Bytes. Pub/Sub takes 1,024 (https://cloud.google.com/pubsub/quotas#resource_limits), the other clouds more."""

Post = Callable[[str, dict[str, str]], None]
"""Puts a text with attributes into the cloud's queue. Raises BoatyardError."""


class QueuedDeadLetters:
    """Implements `boatyard_serverless.ports.DeadLetters`.

    Without a queue (`post` is None), or if the queue rejects the message, the source queue's own redrive policy keeps
    it.
    """

    def __init__(self, post: Post | None) -> None:
        self._post = post

    def keep(self, body: Any, error: BoatyardError, *, source: str) -> bool:
        if self._post is None:
            return False
        try:
            self._post(*_letter(body, error, source))
        except BoatyardError:
            return False
        return True


def _letter(body: Any, error: BoatyardError, source: str) -> tuple[str, dict[str, str]]:
    """The body as text, and the message's attributes. Queues reject empty ones."""
    text = body if isinstance(body, str) and body else msgspec.json.encode(body).decode()
    reasons = {"boatyard-code": str(error.code), "boatyard-detail": error.detail, "boatyard-source": source}
    return text, {name: _shortened(value) or "-" for name, value in reasons.items()}


def _shortened(text: str) -> str:
    return text.encode()[:_LONGEST_REASON].decode(errors="ignore")
