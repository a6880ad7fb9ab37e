"""The API behind a Lambda function URL: an event in, an answer out.

Payload format 2.0: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
"""

import base64
from collections.abc import Callable
from typing import Any, Final

from boatyard.api import Api, Response
from boatyard_aws.function_url import parse_event, path_of
from boatyard_serverless.http import serve
from boatyard_serverless.ports import Telemetry

LARGEST_ANSWER: Final = 5 * 1024**2
"""Lambda carries 6 MB each way, counted after base64 and JSON escapes
(https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""


class HttpApp:
    """`handle` never raises: a function that raises is answered with a bare 502 by the URL."""

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
    """JSON goes as text; anything else, such as protobuf, as base64."""
    is_text = "json" in response.headers.get("content-type", "") or not response.body
    return {
        "statusCode": response.status,
        "headers": dict(response.headers),
        "body": response.body.decode() if is_text else base64.b64encode(response.body).decode(),
        "isBase64Encoded": not is_text,
    }
