"""The functions that functions-framework calls.

    api       behind Cloud Run's IAM                          functions-framework --target api
    events    CloudEvents by Eventarc, pushes of Pub/Sub      functions-framework --target events

`boatyard_gcp.configuration` has their variables. Objects that the first call creates are kept for the next ones.
"""

import threading
from functools import cached_property
from typing import TYPE_CHECKING

import functions_framework

if TYPE_CHECKING:
    import flask
    from cloudevents.http import CloudEvent

    from boatyard_gcp.events import EventApp
    from boatyard_gcp.http import HttpApp
    from boatyard_gcp.wiring import Parts


class _Function:
    """Thread-safe: an instance serves several requests at a time and creates its parts once."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    @cached_property
    def _parts(self) -> "Parts":
        from boatyard_gcp.wiring import Parts

        return Parts()

    @cached_property
    def _http(self) -> "HttpApp":
        return self._parts.http_app

    @cached_property
    def _events(self) -> "EventApp":
        return self._parts.event_app

    def http(self) -> "HttpApp":
        with self._lock:
            return self._http

    def events(self) -> "EventApp":
        with self._lock:
            return self._events


_function = _Function()


@functions_framework.http
def api(request: "flask.Request") -> "flask.Response":
    try:
        app = _function.http()
    except Exception as error:
        return _unusable(error)
    return app.handle(request)


@functions_framework.cloud_event
def events(event: "CloudEvent") -> None:
    """Answers 503 to an event that a retry may fix, so that Pub/Sub and Eventarc deliver it again. The reason is logged
    already, and Flask would log a traceback for any other exception."""
    from werkzeug.exceptions import ServiceUnavailable

    try:
        app = _function.events()
    except Exception as error:
        _unusable(error)
        raise ServiceUnavailable from None
    try:
        app.handle(dict(event.get_attributes()), event.data)
    except Exception:
        raise ServiceUnavailable from None


def _unusable(error: Exception) -> "flask.Response":
    from boatyard_gcp.http import answer
    from boatyard_serverless.http import unusable

    return answer(unusable(error))
