"""Dispatches requests to operations: decodes and checks their types, and turns every error into an answer."""

import logging
from collections.abc import Callable
from typing import Any, Final

import msgspec

from boatyard.api import connect, openapi, problem
from boatyard.api.connect import NAME as CONNECT_NAME
from boatyard.api.connect import PATH as CONNECT_PATH
from boatyard.api.connect import ImageServiceCodec, get_image
from boatyard.api.handlers import ApiCall, ApiReply, DeploymentFacts, Handlers, wait_seconds
from boatyard.api.http import Request, Response, too_large
from boatyard.api.operations import OPERATIONS, Operation
from boatyard.decoding import Undecodable, decode_json, decoder
from boatyard.errors import BoatyardError, Code, invalid
from boatyard.service import Service

_log = logging.getLogger(__name__)
_JSON = "application/json"
_LONGEST_PATH: Final = 2_048
_LONGEST_VALUE: Final = 2_048


class Api:
    """The whole API as one function, `handle`. `codec` decodes and encodes protobuf for the Connect operation."""

    def __init__(self, service: Service, deployment: DeploymentFacts, codec: ImageServiceCodec | None = None) -> None:
        self._service = service
        self._deployment = deployment
        self._codec = codec
        # Created before any thread needs one: msgspec 0.22 may crash when two threads decode a deep type for the first
        # time.
        self._decoders = {op.name: decoder(op.body) for op in OPERATIONS if op.body is not None}

    def handle(self, request: Request) -> Response:
        """Answers a request. Never raises: unforeseen errors are logged and answered with 500."""
        try:
            if len(request.body) > (most := self._service.settings.limits.request_bytes):
                raise too_large(most)
            _check_path(request)
            if request.path == CONNECT_PATH:
                return get_image(request, self._service.on_behalf_of(request.caller), self._codec)
            return self._dispatch(request)
        except BoatyardError as error:
            return refuse(error, request.path)
        except Exception:
            _log.exception("unforeseen error at %s %s", request.method, request.path)
            return refuse(BoatyardError(Code.INTERNAL, "an unforeseen error; the service's log has more"), request.path)

    def operation_of(self, request: Request) -> str:
        """The name of a request's operation; empty if there is none."""
        if request.path == CONNECT_PATH:
            return CONNECT_NAME
        found = (op.name for op in OPERATIONS if op.method == request.method and op.pattern.match(request.path))
        return next(found, "")

    def wait_of(self, request: Request) -> float:
        """Seconds that a request wants to wait for news. Raises INVALID_SPEC."""
        return wait_seconds(request.query)

    def _dispatch(self, request: Request) -> Response:
        found = [(op, match) for op in OPERATIONS if (match := op.pattern.match(request.path))]
        if not found:
            raise BoatyardError(Code.NOT_FOUND, f"there is no {request.path}; see /openapi.json")
        for operation, match in found:
            if operation.method == request.method:
                _check_query(operation, request)
                call = ApiCall(path=match.groupdict(), query=request.query, body=self._body(operation, request))
                handlers = Handlers(self._service.on_behalf_of(request.caller), self._deployment, openapi.describe)
                handler: Callable[[ApiCall], ApiReply] = getattr(handlers, operation.name)
                return _respond(handler(call))
        allowed = ", ".join(operation.method for operation, _ in found)
        error = BoatyardError(Code.METHOD_NOT_ALLOWED, f"{request.path} takes {allowed}")
        return problem.respond(error, {"allow": allowed})

    def _body(self, operation: Operation, request: Request) -> Any:
        if operation.body is None:
            return None
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != _JSON:
            # A browser's form cannot send JSON to another origin without a preflight request, so this also stops CSRF.
            raise BoatyardError(Code.UNSUPPORTED_MEDIA_TYPE, f"content-type is {kind or 'missing'!r}, not {_JSON}")
        try:
            return decode_json(request.body, self._decoders[operation.name])
        except Undecodable as error:
            raise invalid(f"the body: {error.reason}", field=error.path or None) from None


def _check_path(request: Request) -> None:
    """Raises for a path that is longer than any valid one, before patterns are matched against it."""
    if len(request.path) > _LONGEST_PATH:
        raise invalid(f"the path has {len(request.path):,} characters; at most {_LONGEST_PATH:,} are read")


def _check_query(operation: Operation, request: Request) -> None:
    for parameter in operation.query:
        if len(request.query.get(parameter.name, "")) > _LONGEST_VALUE:
            raise invalid(f"is longer than {_LONGEST_VALUE:,} characters", field=parameter.name)


def refuse(error: BoatyardError, path: str) -> Response:
    """The error in the format of the path's callers: a problem document, or a Connect error."""
    if path == CONNECT_PATH:
        return connect.refuse(error)
    return problem.respond(error, getattr(error, "headers", None))


def _respond(reply: ApiReply) -> Response:
    if reply.body is None:
        return Response(status=reply.status, headers=dict(reply.headers))
    return Response(
        settled=reply.settled,
        status=reply.status,
        body=msgspec.json.encode(reply.body),
        headers={"content-type": _JSON, **reply.headers},
    )
