"""One bound for all calls of a look-up at ECR.

botocore bounds an attempt (`boatyard_aws.clients`) and counts attempts, call by call. Here no attempt begins when the
look-up's time is over, so a look-up takes at most that time and one attempt.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient


class RegistryPatience(threading.local):
    """Of one registry; each thread has its own look-up under way."""

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
        """Seconds; 0 when they are over."""
        return self._seconds if self._ends_at is None else max(self._ends_at - time.monotonic(), 0.0)

    def watch(self, client: "ECRClient") -> "ECRClient":
        """The client, whose attempts end with the look-up. Watching it again changes nothing."""
        client.meta.events.register_first("before-send.ecr", self._check, unique_id=f"boatyard-patience-{id(self)}")
        return client

    def _check(self, request: Any, **_: Any) -> None:
        from botocore.exceptions import BotoCoreError

        class LookUpTimeout(BotoCoreError):
            """None of the errors that botocore tries again."""

            fmt = "the look-up took too long"

        if self.left <= 0:
            raise LookUpTimeout
