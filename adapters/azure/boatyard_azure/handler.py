"""The function app that Azure's worker indexes: `function_app.py` in the bundle imports `app`.

    api       HTTP, behind App Service authentication
    message   the queue of events, orders and Boatyard's own messages    (with BOATYARD_QUEUE)
    poison    what the host has given up of them    (with BOATYARD_DEAD_LETTERS too)
    drift     the daily report    (with BOATYARD_DRIFT_SCHEDULE: NCRONTAB, six fields, of which the first is seconds)

`boatyard_azure.configuration` has their variables. The queues are in the storage account of the connection
BOATYARD_STORAGE (https://learn.microsoft.com/azure/azure-functions/functions-reference#configure-an-identity-based-connection):
BOATYARD_STORAGE__queueServiceUri, and __credential and __clientId for the managed identity.

What is made at the first call stays for the next ones.
"""

import os
import threading
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Final

import azure.functions as func

if TYPE_CHECKING:
    from boatyard_azure.events import EventApp
    from boatyard_azure.http import HttpApp
    from boatyard_azure.wiring import Parts

CONNECTION: Final = "BOATYARD_STORAGE"


class _Function:
    """One instance serves several requests at a time; what is made is made once."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    @cached_property
    def _parts(self) -> "Parts":
        from boatyard_azure.wiring import Parts

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


def api(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    from boatyard_azure.http import answer
    from boatyard_serverless.http import unusable

    try:
        app = _function.http()
    except Exception as error:
        return answer(unusable(error, _log))
    return answer(app.handle(req, **_of(context)))


def message(msg: func.QueueMessage, context: func.Context) -> None:
    """Raises what a repeat can help: the host delivers it again."""
    _events().message(msg.get_body(), name=f"message {msg.id}", tries=msg.dequeue_count or 1, **_of(context))


def poison(msg: func.QueueMessage, context: func.Context) -> None:
    _events().poison(msg.get_body(), name=f"poison {msg.id}", **_of(context))


def drift(timer: func.TimerRequest, context: func.Context) -> None:
    _events().scheduled(**_of(context))


def make_app(variables: Mapping[str, str]) -> func.FunctionApp:
    """Anonymous for the host: Entra ID is at the edge, and a function key would be one more secret to keep."""
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    app.route(route="{*path}")(api)
    # Settings by name: the host and its scaling read them themselves.
    if variables.get("BOATYARD_DRIFT_SCHEDULE", "").strip():
        timed = app.timer_trigger(arg_name="timer", schedule="%BOATYARD_DRIFT_SCHEDULE%", run_on_startup=False)
        app.retry(strategy="fixed_delay", max_retry_count="3", delay_interval="00:01:00")(timed(drift))
    if variables.get("BOATYARD_QUEUE", "").strip():
        app.queue_trigger(arg_name="msg", queue_name="%BOATYARD_QUEUE%", connection=CONNECTION)(message)
        if variables.get("BOATYARD_DEAD_LETTERS", "").strip():
            app.queue_trigger(arg_name="msg", queue_name="%BOATYARD_QUEUE%-poison", connection=CONNECTION)(poison)
    return app


app = make_app(os.environ)


def _events() -> "EventApp":
    try:
        return _function.events()
    except Exception as error:
        from boatyard_serverless.http import unusable

        unusable(error, _log)
        raise


def _of(context: func.Context) -> dict[str, str]:
    return {
        "invocation": str(context.invocation_id or ""),
        "traceparent": str(getattr(context.trace_context, "trace_parent", "") or ""),
    }


def _log(line: str) -> None:
    import logging

    from boatyard_azure.telemetry import LINES

    logging.getLogger(LINES).error("%s", line)
