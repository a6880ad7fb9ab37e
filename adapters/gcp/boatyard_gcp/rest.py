"""Google's APIs as JSON over HTTP: one small client for all, with bounded answers and bounded patience.

Decision 0025 compares it with Google's own clients. Retries: https://cloud.google.com/storage/docs/retry-strategy.
"""

import os
import random
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from boatyard.backoff import growing
from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError
from boatyard_gcp import faults
from boatyard_gcp.endpoints import Api, endpoint, takes_token
from boatyard_gcp.faults import Need
from boatyard_gcp.identity import Identity, find_identity
from boatyard_registry.deadline import Deadline
from boatyard_registry.retries import retry_after
from boatyard_registry.transport import Answer, HttpTransport, Transport, Unreachable
from boatyard_serverless.faults import DATAPLANE, Codes, Fault

T = TypeVar("T")

SECONDS: Final = 25.0
"""Of a call with all its repeats."""
_ATTEMPT_SECONDS: Final = 10.0
_ATTEMPTS: Final = 4
_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 4.0
_LARGEST_ANSWER: Final = 8 * 1024**2
_PASSING: Final = frozenset({408, 429, 500, 502, 503, 504})
_CPU_SECONDS: Final = 10.0


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request. All of ours may be made twice: what may happen once has a precondition."""

    api: Api
    method: str
    path: str
    """Below the API's address, quoted."""
    need: Need
    query: Mapping[str, str | int] = {}
    json: Any = None
    headers: Mapping[str, str] = {}
    """Beside those of every request, such as `range`."""
    body: bytes | None = None
    content_type: str = "application/json"
    answers: frozenset[int] = frozenset()
    """Statuses that are answers and no faults, beside 2xx."""
    limit: int = _LARGEST_ANSWER
    codes: Codes = DATAPLANE


class Reply(msgspec.Struct, frozen=True):
    status: int
    body: bytes
    headers: Mapping[str, str] = {}
    """Names in lower case."""
    uncertain: bool = False
    """True if an earlier attempt's answer was lost: it may have done what this one was refused."""

    def word(self) -> str:
        """Google's word for a status that is no success, such as FAILED_PRECONDITION."""
        return faults.refusal_of(self.status, self.body).word


class Rest:
    """Thread-safe; keeps connections and tokens between calls."""

    def __init__(
        self,
        identity: Identity | None = None,
        *,
        transport: Transport | None = None,
        environ: Mapping[str, str] = os.environ,
        attempts: int = _ATTEMPTS,
        seconds: float = SECONDS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.transport = transport or HttpTransport()
        self.identity = identity or find_identity(self.transport, environ)
        self._environ = environ
        self._attempts = attempts
        self._seconds = seconds
        self._sleep = sleep

    def address(self, api: Api) -> str:
        return endpoint(api, self._environ)

    def read(self, call: Call, kind: type[T]) -> T:
        """The document of a success. Raises like `send`."""
        return self.decode(call, self.send(call), kind)

    def decode(self, call: Call, reply: Reply, kind: type[T]) -> T:
        try:
            return decode_json(reply.body, kind)
        except Undecodable:
            reason = "its answer cannot be read"
            raise faults.unreachable(call.need, reason, call.codes) from None

    def send(self, call: Call) -> Reply:
        """The reply, if its status is a success or among `call.answers`.

        Raises BoatyardError of `call.codes` for every other, and when none came.
        """
        ends_at = time.monotonic() + self._seconds
        pauses = growing(_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)
        uncertain, refused = False, ""
        for attempt in range(1, self._attempts + 1):
            token = self._token(call, refused)
            asked = 0.0
            try:
                answer = self._once(call, token, ends_at)
            except Unreachable as error:
                fault, uncertain = faults.unreachable(call.need, str(error), call.codes), True
            else:
                if answer.status in call.answers or HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
                    return Reply(answer.status, answer.body, answer.headers, uncertain)
                refusal = faults.refusal_of(answer.status, answer.body)
                account = self._account() if refusal.fault is Fault.DENIED else ""
                fault = faults.explained(refusal, call.need, call.codes, account=account)
                if refusal.fault is Fault.EXPIRED and token and not refused:
                    refused = token
                    continue  # with a new one, at once
                if answer.status not in _PASSING and refusal.fault is not Fault.THROTTLED:
                    raise fault
                uncertain = uncertain or answer.status != HTTPStatus.TOO_MANY_REQUESTS
                asked = retry_after(answer.headers.get("retry-after"))
            pause = max(next(pauses) * random.uniform(0.5, 1), asked)  # noqa: S311 - spreads repeats
            if attempt == self._attempts or time.monotonic() + pause >= ends_at:
                raise fault
            self._sleep(pause)
        raise fault

    def _account(self) -> str:
        """For the command that grants what is missing."""
        try:
            return self.identity.email()
        except BoatyardError:
            return ""

    def _once(self, call: Call, token: str, ends_at: float) -> Answer:
        url = self.address(call.api) + call.path
        if call.query:
            url += f"?{urlencode({name: str(value) for name, value in call.query.items()})}"
        body = call.body if call.json is None else msgspec.json.encode(call.json)
        headers = {"user-agent": "boatyard", "accept": "application/json", **call.headers}
        if body is not None:
            headers["content-type"] = call.content_type
        elif call.method in ("POST", "PUT", "PATCH"):
            headers["content-length"] = "0"
        if token:
            headers["authorization"] = f"Bearer {token}"
        left = max(min(ends_at - time.monotonic(), _ATTEMPT_SECONDS), 0.01)
        deadline = Deadline(left, cpu_seconds=_CPU_SECONDS)
        return self.transport.send(call.method, url, headers=headers, body=body, limit=call.limit, deadline=deadline)

    def _token(self, call: Call, refused: str) -> str:
        if not takes_token(self.address(call.api)):
            return ""
        try:
            return self.identity.token(refused=refused)
        except BoatyardError as error:
            denied = error.code == DATAPLANE.denied
            code = call.codes.denied if denied else call.codes.unavailable
            raise BoatyardError(code, f"{call.need.permission}: {error.detail}") from None


def segment(text: str) -> str:
    """A name as one part of a path."""
    return quote(text, safe="")
