"""Sends requests with one deadline per call of the runner, and tracks the API server's clock.

httpx limits the time for each read of an answer, so a slow answer might never end.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

import httpx2
from lightkube.core.generic_client import BasicRequest, GenericSyncClient

_LARGEST_ANSWER: Final = 256 * 1024**2
"""Bytes: less than five hundred objects of the largest size, but far above any real list of Jobs or pods."""
_SAME_SECONDS: Final = 2.0
"""Tolerance between clocks: a Date has whole seconds."""


class Deadlines(NamedTuple):
    """Seconds."""

    connect: float
    read: float
    """For each read of an answer."""
    operation: float
    """For all requests of one call (`Exchange.in_time`)."""


class Exchange:
    def __init__(self, client: GenericSyncClient, patience: Deadlines) -> None:
        self._client = client
        self._patience = patience
        self._until = threading.local()
        self._served: tuple[float, float] | None = None

    @contextmanager
    def in_time(self) -> Iterator[None]:
        """Sets one deadline for all requests of this thread in the body. If nested, the outer one applies."""
        if getattr(self._until, "at", None) is not None:
            yield
            return
        self._until.at = time.monotonic() + self._patience.operation
        try:
            yield
        finally:
            self._until.at = None

    @property
    def is_over(self) -> bool:
        """Whether the deadline of this thread's call has passed."""
        at = getattr(self._until, "at", None)
        return at is not None and time.monotonic() >= at

    def now(self, own: float) -> float:
        """The API server's time, from the Date of its last answer; `own` if they agree, or before the first answer.
        Deadlines are compared with the API server's timestamps, and this machine's clock may be wrong."""
        if self._served is None:
            return own
        date, at = self._served
        theirs = date + (time.monotonic() - at)
        return theirs if abs(theirs - own) > _SAME_SECONDS else own

    def answer(self, request: BasicRequest) -> httpx2.Response:
        """The whole answer. Raises httpx's errors, and ReadTimeout if the answer does not end in time."""
        seconds = self._left()
        request.timeout = httpx2.Timeout(
            min(self._patience.read, seconds), connect=min(self._patience.connect, seconds)
        )
        end = time.monotonic() + seconds
        response = self._client.send(self._client.build_adapter_request(request), stream=True)
        pieces, size = [], 0
        try:
            for piece in response.iter_raw():
                pieces.append(piece)
                size += len(piece)
                if time.monotonic() > end:
                    raise httpx2.ReadTimeout("the answer did not end in time", request=response.request)
                if size > _LARGEST_ANSWER:
                    raise httpx2.ReadError("the answer is too large", request=response.request)
        finally:
            response.close()
        self._see(response.headers.get("date", ""))
        return httpx2.Response(
            response.status_code, headers=response.headers, content=b"".join(pieces), request=response.request
        )

    def _left(self) -> float:
        """Seconds left for the next request. Raises ReadTimeout if there are none."""
        at = getattr(self._until, "at", None)
        left = self._patience.operation if at is None else at - time.monotonic()
        if left <= 0:
            raise httpx2.ReadTimeout("no time is left")
        return float(left)

    def _see(self, date: str) -> None:
        try:
            self._served = parsedate_to_datetime(date).timestamp(), time.monotonic()
        except (ValueError, OverflowError):
            return  # a proxy may drop it
