"""Decides whether, when and how long requests are retried."""

import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from boatyard.backoff import growing
from boatyard.errors import Code
from boatyard_client.errors import ApiError, ClientError, ConnectionFailedError

T = TypeVar("T")

_FIRST: Final = 0.25
_LONGEST: Final = 5.0
_NOT_BY_WAITING: Final = frozenset({Code.CONTEXT_MISSING, Code.DISK_FULL})
"""Retryable, but only after an action of the caller or operator."""


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long a request is retried."""

    seconds: float = 20.0
    absent: bool = False
    """Also waits for a server without a listening socket, which may be restarting."""


def persist(
    ask: Callable[[], T],
    patience: Patience,
    *,
    on_wait: Callable[[str, float], None] | None = None,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> T:
    """Calls `ask` until it succeeds, fails for good, or patience runs out; then raises its error.

    `ask` must be safe to repeat. A Retry-After is respected; if it exceeds the remaining patience, the waiting ends
    immediately. `on_wait` receives the reason and the seconds before each pause.
    """
    end = now() + patience.seconds
    pauses = growing(_FIRST, _LONGEST)
    while True:
        try:
            return ask()
        except (ApiError, ClientError) as error:
            if not _worth_repeating(error, patience):
                raise
            seconds = next(pauses) * random.uniform(0.8, 1.2)  # noqa: S311 - keeps clients apart, hides nothing
            if isinstance(error, ApiError) and error.retry_after_seconds is not None:
                seconds = error.retry_after_seconds
            if now() + seconds > end:
                raise
            if on_wait:
                on_wait(error.detail, seconds)
        sleep(seconds)


def _worth_repeating(error: ApiError | ClientError, patience: Patience) -> bool:
    if isinstance(error, ConnectionFailedError) and error.absent:
        return patience.absent
    return error.retryable and error.code not in _NOT_BY_WAITING
