"""Decides whether a request is retried, and when."""

import math
import time
from email.utils import parsedate_to_datetime
from itertools import islice

import msgspec

from boatyard.backoff import growing


class Retries(msgspec.Struct, frozen=True, kw_only=True):
    attempts: int = 4
    first_pause_seconds: float = 0.2
    """Doubles for each further attempt. The actual pause is a random part of it, so that clients spread out."""

    def pause(self, attempt: int, *, asked: float, left: float, spread: float) -> float | None:
        """The seconds between attempt `attempt` (from 1) and the next; None without a next one.

        `asked` is the registry's Retry-After, `left` the lookup's remaining time, `spread` a number from 0 to 1.
        """
        if attempt >= self.attempts:
            return None
        grown = next(islice(growing(self.first_pause_seconds, math.inf), attempt - 1, None))
        pause = max(asked, grown * (1 + spread) / 2)
        return pause if pause < left else None


def retry_after(value: str | None) -> float:
    """The seconds in Retry-After (RFC 9110, 10.2.3); 0 if it is unreadable."""
    if not value:
        return 0.0
    try:
        return max(float(value), 0.0) if value.strip().isdigit() else _until(value)
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _until(date: str) -> float:
    return max(parsedate_to_datetime(date).timestamp() - time.time(), 0.0)
