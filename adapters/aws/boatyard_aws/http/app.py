"""Event in, answer out, by powertools' event handler: it knows how a function URL wants its answers."""

import time
from collections.abc import Callable
from typing import Any, Final

from aws_lambda_powertools.event_handler import Response as Answer
from aws_lambda_powertools.event_handler.lambda_function_url import LambdaFunctionUrlResolver

from boatyard.api import Api, Request, Response
from boatyard.api.problem import respond
from boatyard.errors import BoatyardError
from boatyard_aws.http.events import parse_event
from boatyard_aws.observing import Observer

_METHODS: Final = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
LARGEST_ANSWER: Final = 5 * 1024**2
"""Lambda carries 6 MB each way, counted after base64 and JSON escapes
(https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""


class HttpApp:
    """`handle` never raises: a function that raises is answered with a bare 502 by the URL."""

    def __init__(
        self,
        api: Callable[[], Api],
        observer: Observer,
        *,
        request_bytes: int,
        anonymous: bool = False,
    ) -> None:
        self._api = api
        self._observer = observer
        self._request_bytes = request_bytes
        self._anonymous = anonymous
        self._response = Response(status=500)
        self._resolver = LambdaFunctionUrlResolver()
        # One route: which paths there are is the core's to say, once for all clouds.
        self._resolver.route(".*", method=_METHODS)(self._answer)

    def handle(self, event: Any, context: Any) -> dict[str, Any]:
        started = time.perf_counter()
        request: Request | None = None
        try:
            request = parse_event(event, most_bytes=self._request_bytes, anonymous=self._anonymous)
            response = _carried(self._api().handle(request))
        except BoatyardError as error:
            response = respond(error)
        except Exception:
            self._observer.logger.exception("unforeseen error")
            response = respond(BoatyardError("INTERNAL", "an unforeseen error; the function's log has more"))
        self._observer.answered(request, response, seconds=time.perf_counter() - started)
        if request is None or request.method not in _METHODS:
            return _plain(response)
        self._response = response  # one request at a time: that is how Lambda calls
        return self._resolver.resolve(_outline(request), context)

    def _answer(self) -> Answer[Any]:
        response = self._response
        headers = dict(response.headers)
        kind = headers.pop("content-type", None)
        return Answer(response.status, content_type=kind, body=_body(response, kind or ""), headers=headers)


def _body(response: Response, kind: str) -> "str | bytes":
    """Text as text; the resolver sends bytes as base64."""
    return response.body.decode() if "json" in kind or not response.body else response.body


def _outline(request: Request) -> dict[str, Any]:
    """What the resolver reads of an event. The event itself has been parsed; other parts of it may be anything."""
    return {
        "version": "2.0",
        "rawPath": "/",
        "headers": {},
        "requestContext": {"stage": "$default", "http": {"method": request.method, "path": "/"}},
    }


def _plain(response: Response) -> dict[str, Any]:
    """For events that no resolver can take."""
    return {
        "statusCode": response.status,
        "headers": dict(response.headers),
        "body": response.body.decode(),
        "isBase64Encoded": False,
    }


def _carried(response: Response) -> Response:
    if len(response.body) <= LARGEST_ANSWER:
        return response
    return respond(BoatyardError("UNSUPPORTED", "the answer is larger than Lambda can carry; ask for a smaller page"))
