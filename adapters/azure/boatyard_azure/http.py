"""The API behind the Functions host: azure-functions' request in, its response out.

The load balancer in front of the host ends a request after 230 seconds
(https://learn.microsoft.com/azure/azure-functions/functions-scale#timeout). None of ours takes that long: a request
waits for news for at most `boatyard.service.LONGEST_WAIT_SECONDS`, and each call of a cloud or a registry has a
deadline.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from boatyard.api import Api, Request, Response
from boatyard.api.http import too_large
from boatyard.errors import BoatyardError, Code, invalid
from boatyard_azure.caller import caller_of
from boatyard_azure.telemetry import InsightsTelemetry
from boatyard_serverless.http import serve

if TYPE_CHECKING:
    import azure.functions as func


class HttpApp:
    """`handle` never raises: the host answers a function that raises with a bare 500.

    `invokers_checked`: App Service authentication lets nobody in whom it has not checked. `anonymous`: requests without
    a checked caller are taken.
    """

    def __init__(
        self,
        api: Callable[[], Api],
        telemetry: InsightsTelemetry,
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

    def handle(self, request: "func.HttpRequest", *, invocation: str = "", traceparent: str = "") -> Response:
        path, query = _address(request.url)
        headers = {name.lower(): value for name, value in request.headers.items()}
        with self._telemetry.request(invocation, traceparent or headers.get("traceparent", "")):
            return serve(
                lambda: self._parse(request, path, query, headers),
                self._api,
                self._telemetry,
                path=path,
            )

    def _parse(self, request: "func.HttpRequest", path: str, query: str, headers: Mapping[str, str]) -> Request:
        """Raises UNAUTHENTICATED, CONTEXT_TOO_LARGE, or INVALID_SPEC for a body that does not come through."""
        caller = self._caller(headers)
        body = request.get_body()
        if len(body) > self._request_bytes:
            raise too_large(self._request_bytes)
        if not body and "transfer-encoding" in headers:
            raise invalid("the request's body has no Content-Length: Azure's host passes no other body on")
        return Request(
            method=request.method.upper(),
            path=path,
            query=dict(parse_qsl(query, keep_blank_values=True)),
            headers=dict(headers),
            body=body,
            caller=caller,
        )

    def _caller(self, headers: Mapping[str, str]) -> str:
        if self._invokers_checked:
            return caller_of(headers)
        if self._anonymous:
            return ""  # what a request says of itself proves nothing here
        raise BoatyardError(
            Code.UNAUTHENTICATED,
            "this function does not know whether its callers were checked: where App Service authentication lets "
            "nobody in unchecked, set BOATYARD_INVOKERS_CHECKED; behind another gateway, BOATYARD_ANONYMOUS",
        )


def answer(response: Response) -> "func.HttpResponse":
    import azure.functions as func

    kind = response.headers.get("content-type", "application/octet-stream")
    return func.HttpResponse(
        response.body, status_code=response.status, headers=dict(response.headers), mimetype=kind.partition(";")[0]
    )


def _address(url: str) -> tuple[str, str]:
    """Path, decoded, and query. The host's URL is what the caller sent, but for a %25, which it has decoded already."""
    try:
        parts = urlsplit(url)
    except ValueError:  # a Host header that is no host
        return "/", ""
    return unquote(parts.path) or "/", parts.query
