"""The functions that Lambda calls.

    boatyard_aws.handler.http      behind a function URL (AuthType AWS_IAM)
    boatyard_aws.handler.events    SQS (with ReportBatchItemFailures) and EventBridge

`boatyard_aws.configuration` has their variables. What is made at the first call stays for the next ones.
"""

import json
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from boatyard_aws.wiring import Site


def http(event: Any, context: Any) -> Any:
    try:
        handle = _http()
    except Exception as error:
        return _unusable(error)
    return handle(event, context)


def events(event: Any, context: Any) -> Any:
    """Raises what a repeat can help; the event source delivers it again."""
    return _events()(event, context)


@cache
def _site() -> "Site":
    from boatyard_aws.wiring import Site

    return Site()


@cache
def _http() -> "Callable[[Any, Any], Any]":
    site = _site()
    return site.observer.wrap(site.http_app.handle)


@cache
def _events() -> "Callable[[Any, Any], Any]":
    site = _site()
    return site.observer.wrap(site.event_app.handle)


def _unusable(error: Exception) -> dict[str, Any]:
    """The function is misconfigured, or cannot read its configuration: said as any other problem is.

    The detail is for the log. A caller learns that it is not theirs to mend.
    """
    from boatyard.api.problem import respond
    from boatyard.errors import BoatyardError

    told = getattr(error, "detail", None) or f"{type(error).__name__}: {error}"
    print(json.dumps({"level": "ERROR", "message": "the function cannot serve", "detail": told}))
    code = "DATAPLANE_UNAVAILABLE" if getattr(error, "code", "") == "DATAPLANE_UNAVAILABLE" else "INTERNAL"
    response = respond(BoatyardError(code, "the function is not configured rightly; its log says what is wrong"))
    return {"statusCode": response.status, "headers": dict(response.headers), "body": response.body.decode()}
