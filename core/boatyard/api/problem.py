"""Errors as application/problem+json."""

import msgspec

from boatyard.api.http import Response
from boatyard.api.messages import Problem
from boatyard.errors import BoatyardError

CONTENT_TYPE = "application/problem+json"
_RETRY_AFTER_SECONDS = 5


def problem(error: BoatyardError) -> Problem:
    meaning = error.meaning
    return Problem(
        type=f"urn:boatyard:error:{error.code}",
        title=meaning.title,
        status=meaning.status,
        detail=error.detail,
        code=error.code,
        retryable=meaning.retryable,
        advice=meaning.advice,
        field=error.field,
        layer_index=error.layer_index,
        missing=error.missing,
    )


def respond(error: BoatyardError, headers: dict[str, str] | None = None) -> Response:
    out = {"content-type": CONTENT_TYPE, **(headers or {})}
    if error.meaning.status in (429, 503):
        out["retry-after"] = str(error.retry_after_seconds or _RETRY_AFTER_SECONDS)
    return Response(status=error.meaning.status, body=msgspec.json.encode(problem(error)), headers=out)
