"""Limits the time of all calls of one ECR lookup.

botocore limits the time of each attempt (`boatyard_aws.clients`) and the attempts of each call. This module starts no
attempt after the lookup's time is up, so a lookup takes at most that time and one attempt.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient


class RegistryPatience(threading.local):
    """The time limit of one registry's lookups. Each thread runs its own lookup."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends_at: float | None = None

    @contextmanager
    def look_up(self) -> Iterator[None]:
        self._ends_at = time.monotonic() + self._seconds
        try:
            yield
        finally:
            self._ends_at = None

    @property
    def left(self) -> float:
        """The seconds left; 0 after the limit."""
        return self._seconds if self._ends_at is None else max(self._ends_at - time.monotonic(), 0.0)

    def watch(self, client: "ECRClient") -> "ECRClient":
        """Returns the client, with its attempts limited by the lookup. Safe to repeat."""
        client.meta.events.register_first("before-send.ecr", self._check, unique_id=f"boatyard-patience-{id(self)}")
        return client

    def _check(self, request: Any, **_: Any) -> None:
        from botocore.exceptions import BotoCoreError

        class LookUpTimeout(BotoCoreError):
            """An error that botocore does not retry."""

            fmt = "the look-up took too long"

        if self.left <= 0:
            raise LookUpTimeout
