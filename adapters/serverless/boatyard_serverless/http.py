"""Answers an HTTP request of any cloud's edge."""

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
    """Never raises: for a function that raises, an edge answers with a bare 500 or 502.

    `parse` raises BoatyardError for a malformed request; `path`, if it is already known, selects the error format.
    `largest_answer` is the edge's limit in bytes; 0 means no limit.
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


def unusable(error: Exception, write: Callable[[str], object] | None = None) -> Response:
    """The answer of a function with an invalid or unreadable configuration.

    The detail goes to the log, because a caller cannot correct it: as a line of JSON to `write`, or to standard
    output, because there is no telemetry yet.
    """
    reason = getattr(error, "detail", None) or f"{type(error).__name__}: {error}"
    # The clouds call it `level` or `severity`.
    line = {"level": "ERROR", "severity": "ERROR", "message": "the function cannot serve", "detail": reason}
    if write is None:
        print(json.dumps(line), flush=True)
    else:
        write(json.dumps(line))
    code = Code.DATAPLANE_UNAVAILABLE if getattr(error, "code", "") == Code.DATAPLANE_UNAVAILABLE else Code.INTERNAL
    return respond(BoatyardError(code, "the function is not configured rightly; its log says what is wrong"))


def _carried(response: Response, path: str, largest: int) -> Response:
    if not largest or len(response.body) <= largest:
        return response
    error = BoatyardError(Code.UNSUPPORTED, "the answer is larger than this edge carries; ask for a smaller page")
    return refuse(error, path)
