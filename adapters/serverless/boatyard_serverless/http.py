"""Answers a request of any cloud's edge."""

import json
import time
from collections.abc import Callable

from boatyard.api import Api, Request, Response
from boatyard.api.app import refuse
from boatyard.api.problem import respond
from boatyard.errors import BoatyardError, Code
from boatyard_serverless.ports import Telemetry
from boatyard_serverless.telemetry import report_answer


def serve(
    parse: Callable[[], Request],
    api: Callable[[], Api],
    telemetry: Telemetry,
    *,
    path: str = "",
    largest_answer: int = 0,
) -> Response:
    """Never raises: an edge answers a function that raises with a bare 500 or 502.

    `parse` raises BoatyardError for what is no request; `path`, as far as it is known before, says in whose words that
    is answered. `largest_answer`: bytes that the edge carries; 0: any number.
    """
    started = time.perf_counter()
    request: Request | None = None
    try:
        request = parse()
        response = _carried(api().handle(request), request.path, largest_answer)
    except BoatyardError as error:
        response = refuse(error, path)
    except Exception:
        telemetry.exception("unforeseen error")
        response = refuse(BoatyardError(Code.INTERNAL, "an unforeseen error; the function's log has more"), path)
    report_answer(telemetry, request, response, seconds=time.perf_counter() - started)
    return response


def unusable(error: Exception) -> Response:
    """The answer of a function that is misconfigured, or cannot read its configuration.

    The detail is for the log: a caller cannot change it. There is no telemetry yet, so it is printed.
    """
    reason = getattr(error, "detail", None) or f"{type(error).__name__}: {error}"
    print(json.dumps({"level": "ERROR", "message": "the function cannot serve", "detail": reason}))
    code = Code.DATAPLANE_UNAVAILABLE if getattr(error, "code", "") == Code.DATAPLANE_UNAVAILABLE else Code.INTERNAL
    return respond(BoatyardError(code, "the function is not configured rightly; its log says what is wrong"))


def _carried(response: Response, path: str, largest: int) -> Response:
    if not largest or len(response.body) <= largest:
        return response
    error = BoatyardError(Code.UNSUPPORTED, "the answer is larger than this edge carries; ask for a smaller page")
    return refuse(error, path)
