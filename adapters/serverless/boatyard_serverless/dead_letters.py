"""The stored form of a message that retries cannot help: its body, and the reason in its attributes."""

from typing import Any, Final

import msgspec

from boatyard.errors import BoatyardError

_LONGEST_DETAIL: Final = 500


def letter(body: Any, error: BoatyardError, *, source: str) -> tuple[str, dict[str, str]]:
    """The body as text, and the message's attributes. Queues reject empty ones."""
    text = body if isinstance(body, str) and body else msgspec.json.encode(body).decode()
    reasons = {
        "boatyard-code": str(error.code),
        "boatyard-detail": error.detail[:_LONGEST_DETAIL],
        "boatyard-source": source,
    }
    return text, {name: value or "-" for name, value in reasons.items()}
