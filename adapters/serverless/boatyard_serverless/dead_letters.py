"""A message that no repeat can help, as it is kept: its body, and beside it why."""

from typing import Any, Final

import msgspec

from boatyard.errors import BoatyardError

_LONGEST_DETAIL: Final = 500


def letter(body: Any, error: BoatyardError, *, source: str) -> tuple[str, dict[str, str]]:
    """The body as text, and attributes of the message. No cloud's queue takes an empty one of either."""
    text = body if isinstance(body, str) and body else msgspec.json.encode(body).decode()
    reasons = {
        "boatyard-code": str(error.code),
        "boatyard-detail": error.detail[:_LONGEST_DETAIL],
        "boatyard-source": source,
    }
    return text, {name: value or "-" for name, value in reasons.items()}
