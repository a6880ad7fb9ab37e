"""Calls a cloud's APIs over HTTP: one small client for every cloud, with limits on answers and time.

Decision 0025 compares it with the clouds' own clients. A cloud's `rest.py` adds its addresses, tokens and errors.
"""

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any, ClassVar, Final, Generic, NamedTuple, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from boatyard.backoff import growing
from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError
from boatyard_registry.deadline import Deadline
from boatyard_registry.http_transport import HttpTransport
from boatyard_registry.retries import retry_after
from boatyard_registry.transport import Answer, Transport, Unreachable
from boatyard_serverless.faults import DATAPLANE, Codes, Fault

T = TypeVar("T")

SECONDS: Final = 25.0
"""For a call with all its retries."""
ATTEMPTS: Final = 4
_ATTEMPT_SECONDS: Final = 10.0
_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 4.0
_LARGEST_ANSWER: Final = 8 * 1024**2
_LONGEST_TOKEN: Final = 16 * 1024
_CPU_SECONDS: Final = 10.0


class RestCall(msgspec.Struct, frozen=True, kw_only=True):
    """One request. Every request may be sent twice: one that must happen once has a precondition."""

    method: str
    query: Mapping[str, str | int] = {}
    json: Any = None
    headers: Mapping[str, str] = {}
    """In addition to those of every request, such as `range`."""
    body: bytes | None = None
    content_type: str = "application/json"
    answers: frozenset[int] = frozenset()
    """Statuses that are answers and not faults, in addition to 2xx."""
    limit: int = _LARGEST_ANSWER
    codes: Codes = DATAPLANE


C = TypeVar("C", bound=RestCall)


class Reply(msgspec.Struct, frozen=True):
    status: int
    body: bytes
    headers: Mapping[str, str] = {}
    """Names in lower case."""
    uncertain: bool = False
    """True if an earlier attempt's answer was lost: it may have done what this attempt was refused."""


class Refused(NamedTuple):
    """A failed answer, explained by the cloud's adapter."""

    fault: Fault
    error: BoatyardError


class RestClient(ABC, Generic[C]):
    """Thread-safe; keeps connections between calls."""

    passing: ClassVar[frozenset[int]] = frozenset({408, 429, 500, 502, 503, 504})
    """Statuses of failures that are retried."""

    def __init__(
        self,
        transport: Transport | None = None,
        *,
        attempts: int = ATTEMPTS,
        seconds: float = SECONDS,
        attempt_seconds: float = _ATTEMPT_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.transport = transport or HttpTransport()
        self._attempts = attempts
        self._seconds = seconds
        self._attempt_seconds = attempt_seconds
        self._sleep = sleep

    @abstractmethod
    def url(self, call: C) -> str:
        """The address, without a query."""

    @abstractmethod
    def token(self, call: C, refused: str) -> str:
        """An access token for the call, or "" if it takes none. `refused` is one that the API no longer accepts. Raises
        BoatyardError."""

    @abstractmethod
    def refused(self, call: C, answer: Answer) -> Refused: ...

    @abstractmethod
    def unreachable(self, call: C, reason: str) -> BoatyardError: ...

    def headers(self, call: C) -> Mapping[str, str]:
        """Headers of every request to the cloud, in addition to the call's."""
        return {}

    def read(self, call: C, kind: type[T]) -> T:
        """The document of a success. Raises like `send`."""
        return self.decode(call, self.send(call), kind)

    def decode(self, call: C, reply: Reply, kind: type[T]) -> T:
        try:
            return decode_json(reply.body, kind)
        except Undecodable:
            raise self.unreachable(call, "its answer cannot be read") from None

    def send(self, call: C) -> Reply:
        """The reply, if its status is a success or among `call.answers`.

        Raises BoatyardError of `call.codes` for every other, and when none came.
        """
        ends_at = time.monotonic() + self._seconds
        pauses = growing(_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)
        uncertain, refused_token = False, ""
        for attempt in range(1, self._attempts + 1):
            token = self.token(call, refused_token)
            asked = 0.0
            try:
                answer = self._once(call, token, ends_at)
            except Unreachable as error:
                fault, uncertain = self.unreachable(call, str(error)), True
            else:
                if answer.status in call.answers or HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
                    return Reply(answer.status, answer.body, answer.headers, uncertain)
                kind, fault = self.refused(call, answer)
                if kind is Fault.EXPIRED and token and not refused_token:
                    refused_token = token
                    continue  # with a new one, immediately
                if answer.status not in self.passing and kind is not Fault.THROTTLED:
                    raise fault
                uncertain = uncertain or answer.status != HTTPStatus.TOO_MANY_REQUESTS
                asked = retry_after(answer.headers.get("retry-after"))
            pause = max(next(pauses) * random.uniform(0.5, 1), asked)  # noqa: S311 - spreads repeats
            if attempt == self._attempts or time.monotonic() + pause >= ends_at:
                raise fault
            self._sleep(pause)
        raise fault

    def _once(self, call: C, token: str, ends_at: float) -> Answer:
        url = self.url(call)
        if call.query:
            url += f"?{urlencode({name: str(value) for name, value in call.query.items()})}"
        body = call.body if call.json is None else msgspec.json.encode(call.json)
        headers = {"user-agent": "boatyard", "accept": "application/json", **self.headers(call), **call.headers}
        if body is not None:
            headers["content-type"] = call.content_type
        elif call.method in ("POST", "PUT", "PATCH"):
            headers["content-length"] = "0"
        if token:
            headers["authorization"] = f"Bearer {token}"
        left = max(min(ends_at - time.monotonic(), self._attempt_seconds), 0.01)
        deadline = Deadline(left, cpu_seconds=_CPU_SECONDS)
        return self.transport.send(call.method, url, headers=headers, body=body, limit=call.limit, deadline=deadline)


def segment(text: str) -> str:
    """A name as one part of a path."""
    return quote(text, safe="")


def is_token(text: str) -> bool:
    """Whether a header can carry it."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text and len(text) <= _LONGEST_TOKEN


def takes_token(url: str) -> bool:
    """Whether an access token may be sent to the address: over TLS, or to this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
