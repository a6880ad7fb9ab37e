"""The entry points of the Lambda functions.

    boatyard_aws.handler.http      behind a function URL (AuthType AWS_IAM)
    boatyard_aws.handler.events    SQS (with ReportBatchItemFailures) and EventBridge

`boatyard_aws.configuration` lists their variables. The parts that the first call creates are kept for later calls.
"""

import os
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from boatyard_aws.wiring import Parts


def http(event: Any, context: Any) -> Any:
    try:
        handle = _http()
    except Exception as error:
        from boatyard_aws.http import answer
        from boatyard_serverless.http import unusable

        return answer(unusable(error))
    return handle(event, context)


def events(event: Any, context: Any) -> Any:
    """Raises errors that a retry can help; the event source delivers the event again."""
    return _events()(event, context)


@cache
def _parts() -> "Parts":
    from boatyard_aws.wiring import Parts

    return Parts()


@cache
def _http() -> "Callable[[Any, Any], Any]":
    parts = _parts()
    return parts.telemetry.wrap(parts.http_app.handle)


@cache
def _events() -> "Callable[[Any, Any], Any]":
    parts = _parts()
    return parts.telemetry.wrap(parts.event_app.handle)


def _prepare(function: str) -> None:
    """Creates what the first request needs, but asks nobody: neither for the key nor for settings in a bucket."""
    parts = _parts()
    clients = parts.clients
    if not parts.variables.get("BOATYARD_SETTINGS", "").startswith("s3:"):
        (_events if function == "events" else _http)()
        _ = parts.deployment.api, parts.registry
    clients.secrets()
    clients.ecr()


if "AWS_LAMBDA_RUNTIME_API" in os.environ:
    # Lambda gives an instance a whole CPU until its first event, and a part of one afterwards. An error comes back with
    # the first event, which is answered with it.
    from boatyard_serverless.startup import starting

    with starting(), suppress(Exception):
        _prepare(os.environ.get("_HANDLER", "").rpartition(".")[2])
