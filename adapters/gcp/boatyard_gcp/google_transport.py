"""Sends google-auth's requests through Boatyard's transport: the same proxies, CAs and limits, without requests and
certifi."""

from collections.abc import Mapping
from typing import Any, Final

from google.auth import exceptions, transport

from boatyard_registry.deadline import Deadline
from boatyard_registry.transport import Answer, Transport, Unreachable

_SECONDS: Final = 15.0
_LARGEST: Final = 256 * 1024


class GoogleRequest(transport.Request):
    """A `google.auth.transport.Request`."""

    def __init__(self, sender: Transport) -> None:
        self._sender = sender

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_: Any,
    ) -> "GoogleResponse":
        data = body.encode() if isinstance(body, str) else body
        deadline = Deadline(min(float(timeout or _SECONDS), _SECONDS), cpu_seconds=_SECONDS)
        try:
            answer = self._sender.send(
                method, url, headers=dict(headers or {}), body=data, limit=_LARGEST, deadline=deadline
            )
        except Unreachable as error:
            raise exceptions.TransportError(str(error)) from None  # type: ignore[no-untyped-call]
        return GoogleResponse(answer)


class GoogleResponse(transport.Response):
    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    @property
    def status(self) -> int:
        return self._answer.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._answer.headers

    @property
    def data(self) -> bytes:
        return self._answer.body
