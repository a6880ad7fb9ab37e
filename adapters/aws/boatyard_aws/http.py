"""Serves the API behind a Lambda function URL.

Payload format 2.0: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
"""

import base64
import binascii
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from boatyard.api import Api, Request, Response
from boatyard.api.http import too_large
from boatyard.errors import BoatyardError, Code, invalid
from boatyard_serverless.http import serve
from boatyard_serverless.ports import Telemetry

LARGEST_ANSWER: Final = 5 * 1024**2
"""Lambda's limit is 6 MB each way, after base64 and JSON escapes
(https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""


class HttpApp:
    """`handle` never raises: for a function that raises, the URL answers with a bare 502."""

    def __init__(
        self, api: Callable[[], Api], telemetry: Telemetry, *, request_bytes: int, anonymous: bool = False
    ) -> None:
        self._api = api
        self._telemetry = telemetry
        self._request_bytes = request_bytes
        self._anonymous = anonymous

    def handle(self, event: Any, context: Any) -> dict[str, Any]:
        response = serve(
            lambda: parse_event(event, most_bytes=self._request_bytes, anonymous=self._anonymous),
            self._api,
            self._telemetry,
            path=path_of(event),
            largest_answer=LARGEST_ANSWER,
        )
        return answer(response)


def answer(response: Response) -> dict[str, Any]:
    """Returns JSON as text, and any other content, such as protobuf, as base64."""
    is_text = "json" in response.headers.get("content-type", "") or not response.body
    return {
        "statusCode": response.status,
        "headers": dict(response.headers),
        "body": response.body.decode() if is_text else base64.b64encode(response.body).decode(),
        "isBase64Encoded": not is_text,
    }


def parse_event(event: object, *, most_bytes: int, anonymous: bool) -> Request:
    """Raises INVALID_SPEC for any other event, UNAUTHENTICATED without a caller, and CONTEXT_TOO_LARGE."""
    if not isinstance(event, dict):
        raise invalid("the event is not one of a function URL")
    context = _table(event, "requestContext")
    http = _table(context, "http")
    method, path = http.get("method"), event.get("rawPath", http.get("path"))
    if not isinstance(method, str) or not isinstance(path, str):
        raise invalid("the event is not one of a function URL: it has no method or no path")
    caller = _caller(context)
    if not caller and not anonymous:
        raise BoatyardError(Code.UNAUTHENTICATED, "the function URL names no caller; its AuthType must be AWS_IAM")
    query = event.get("rawQueryString") or ""
    return Request(
        method=method.upper(),
        path=unquote(path) or "/",
        query=dict(parse_qsl(query, keep_blank_values=True)) if isinstance(query, str) else {},
        headers={str(name).lower(): str(value) for name, value in _table(event, "headers").items()},
        body=_body(event, most_bytes),
        caller=caller,
    )


def path_of(event: object) -> str:
    """The path of an event, even if `parse_event` has refused it; "" without a path."""
    path = event.get("rawPath") if isinstance(event, dict) else None
    return unquote(path) if isinstance(path, str) else ""


def _caller(context: dict[str, Any]) -> str:
    """`arn:aws:sts::<account>:assumed-role/<role>/<session>` for a role, `arn:aws:iam::…:user/…` for a user."""
    found = _table(_table(context, "authorizer"), "iam").get("userArn")
    return found if isinstance(found, str) else ""


def _body(event: dict[str, Any], most_bytes: int) -> bytes:
    body = event.get("body") or ""
    if not isinstance(body, str):
        raise invalid("the event's body is not text")
    encoded = event.get("isBase64Encoded") is True
    if len(body) > (most_bytes * 4 // 3 + 4 if encoded else most_bytes):
        raise too_large(most_bytes)
    if not encoded:
        return body.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise invalid("the event's body is not base64, though it says so") from None


def _table(table: dict[str, Any], name: str) -> dict[str, Any]:
    found = table.get(name)
    return found if isinstance(found, dict) else {}
