"""Answers functions-framework's requests: converts Flask's request and response.

Cloud Run allows 32 MiB in each direction (https://cloud.google.com/run/quotas#cloud_run_limits).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from boatyard.api import Api, Request, Response
from boatyard.api.http import too_large
from boatyard.errors import BoatyardError, Code, invalid
from boatyard_gcp.caller import caller_of
from boatyard_gcp.telemetry import CloudLogging
from boatyard_serverless.http import serve

if TYPE_CHECKING:
    import flask

LARGEST_ANSWER: Final = 32 * 1024**2 - 64 * 1024
"""The rest is for headers."""
_PART: Final = 64 * 1024


class HttpApp:
    """`handle` never raises: functions-framework answers a function that raises with the exception's own text.

    `invokers_checked`: Cloud Run's IAM checks every caller. `anonymous`: requests without a checked caller are
    accepted.
    """

    def __init__(
        self,
        api: Callable[[], Api],
        telemetry: CloudLogging,
        *,
        request_bytes: int,
        invokers_checked: bool,
        anonymous: bool = False,
    ) -> None:
        self._api = api
        self._telemetry = telemetry
        self._request_bytes = request_bytes
        self._invokers_checked = invokers_checked
        self._anonymous = anonymous

    def handle(self, request: "flask.Request") -> "flask.Response":
        headers = {name.lower(): value for name, value in request.headers.items()}
        with self._telemetry.request(headers):
            response = serve(
                lambda: self._parse(request, headers),
                self._api,
                self._telemetry,
                path=request.path,
                largest_answer=LARGEST_ANSWER,
            )
        return answer(response)

    def _parse(self, request: "flask.Request", headers: dict[str, str]) -> Request:
        """Raises UNAUTHENTICATED, CONTEXT_TOO_LARGE, or INVALID_SPEC for an incomplete body."""
        caller = self._caller(headers)
        query = request.query_string.decode("ascii", "replace")
        return Request(
            method=request.method.upper(),
            path=request.path,
            query=dict(parse_qsl(query, keep_blank_values=True)),
            headers=headers,
            body=_body(request, self._request_bytes),
            caller=caller,
        )

    def _caller(self, headers: dict[str, str]) -> str:
        if self._invokers_checked:
            return caller_of(headers)
        if self._anonymous:
            return ""  # a token that nobody checked proves nothing
        raise BoatyardError(
            Code.UNAUTHENTICATED,
            "this function does not know whether its callers were checked: if Cloud Run's IAM checks every caller, "
            "set BOATYARD_INVOKERS_CHECKED; behind another gateway, BOATYARD_ANONYMOUS",
        )


def answer(response: Response) -> "flask.Response":
    import flask

    return flask.Response(response.body, status=response.status, headers=dict(response.headers))


def _body(request: "flask.Request", most: int) -> bytes:
    from werkzeug.exceptions import HTTPException

    if (request.content_length or 0) > most:
        raise too_large(most)
    body = bytearray()
    try:
        # One read returns what has arrived so far.
        while len(body) <= most and (part := request.stream.read(_PART)):
            body += part
    except (HTTPException, OSError):
        raise invalid("the request's body is incomplete") from None
    if len(body) > most:
        raise too_large(most)
    return bytes(body)
