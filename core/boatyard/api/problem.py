"""Formats errors as application/problem+json."""

from typing import Final

import msgspec

from boatyard.api.http import Response
from boatyard.api.messages import Problem
from boatyard.errors import BoatyardError, bounded

CONTENT_TYPE = "application/problem+json"
_RETRY_AFTER_SECONDS = 5
_MOST_NAMES: Final = 100


def problem(error: BoatyardError) -> Problem:
    meaning = error.meaning
    return Problem(
        type=f"urn:boatyard:error:{error.code}",
        title=meaning.title,
        status=meaning.status,
        detail=quotable(error.detail),
        code=error.code,
        retryable=meaning.retryable,
        advice=meaning.advice,
        field=quotable(error.field) if error.field else None,
        layer_index=error.layer_index,
        # A list, for on Python 3.10 what a generator leaves empty is not the () that msgspec omits.
        missing=tuple([quotable(name) for name in error.missing[:_MOST_NAMES]]),
    )


def respond(error: BoatyardError, headers: dict[str, str] | None = None) -> Response:
    out = {"content-type": CONTENT_TYPE, **(headers or {})}
    if error.meaning.status in (429, 503):
        out["retry-after"] = str(error.retry_after_seconds or _RETRY_AFTER_SECONDS)
    return Response(status=error.meaning.status, body=msgspec.json.encode(problem(error)), headers=out)


def quotable(text: str) -> str:
    """A shortened text that can be encoded: the path of a function URL's event may contain half a surrogate pair."""
    return bounded(text).encode("utf-8", "backslashreplace").decode()
