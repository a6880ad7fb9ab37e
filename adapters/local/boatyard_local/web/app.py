"""The ASGI application, which runs `Api.handle` in the room of each request's kind."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import msgspec

from boatyard.api import Api, Request, Response, problem
from boatyard.api.app import refuse
from boatyard.errors import BoatyardError, Code
from boatyard_local.web.bearer import Bearer
from boatyard_local.web.body import Body, Disconnected, Pace, Receive
from boatyard_local.web.hosts import Hosts
from boatyard_local.web.rooms import Places, Room
from boatyard_local.web.uploads import Uploads
from boatyard_local.web.waits import Waits, without_wait

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
T = TypeVar("T")

_log = logging.getLogger(__name__)
_UNAUTHORIZED: Final = 401
_CHALLENGE: Final = 'Bearer realm="boatyard"'
_MOST_WAITS: Final = 1536
"""Fewer than the connections (protocol.py), so that others are answered beside the waiting requests."""
_BODIES_BYTES: Final = 64 * 1024**2
_LOOK_UPS: Final = frozenset({"ensure", "image", "getImage"})
"""Operations that ask a registry, which may be slow. A single registry cannot use all threads (gates.py)."""
_PLANS: Final = frozenset({"plan"})
"""Operations that compute, each up to a second."""


class App:
    """Runs each kind of request in its own room, so that none delays another kind."""

    def __init__(
        self, api: Api, *, uploads: Uploads, hosts: Hosts, bearer: Bearer, largest_body: int, pace: Pace | None = None
    ) -> None:
        self._api = api
        self._uploads = uploads
        self._hosts = hosts
        self._bearer = bearer
        self._largest_body = largest_body
        self._pace = pace or Pace()
        self._memory = Places("bytes of request bodies", _BODIES_BYTES)
        self._quick = Room("requests", threads=16, line=2048, seconds=20)
        self._plans = Room("plans", threads=4, line=256, seconds=20)
        self._look_ups = Room("look-ups", threads=64, line=1024, seconds=20)
        self._waits = Waits(self._look, most=_MOST_WAITS)

    def stop(self) -> None:
        """Answers all waiting requests. Call it in the event loop's thread when the server stops."""
        self._waits.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        body = Body(receive, headers, self._memory, self._pace)
        try:
            response = await self._answer(scope, headers, body)
        except Disconnected:
            return
        except BoatyardError as error:
            response = _refusal(error, scope["path"])
        except Exception:
            _log.exception("unforeseen error at %s %s", scope["method"], scope["path"])
            unforeseen = BoatyardError(Code.INTERNAL, "an unforeseen error; the service's log has more")
            response = _refusal(unforeseen, scope["path"])
        finally:
            body.release()
        await _send(response, body, send)

    async def _answer(self, scope: Scope, headers: dict[str, str], body: Body) -> Response:
        self._hosts.check(value.decode("latin-1") for name, value in scope["headers"] if name == b"host")
        self._hosts.check_page(headers)
        path = scope["path"]
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        # A HEAD is a GET whose body the server omits.
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        if self._uploads.serves(path):  # they need no token, because their URLs are signed
            if method != "PUT":
                error = BoatyardError(Code.METHOD_NOT_ALLOWED, f"{path} takes PUT")
                return problem.respond(error, {"allow": "PUT"})
            return await self._uploads.put(path, query, body)
        self._bearer.check(path, scope["headers"])
        request = Request(
            method=method,
            path=path,
            query=query,
            headers=headers,
            body=await body.read(self._largest_body),
        )
        if "wait" in query:
            seconds = self._api.wait_of(request)
            return await _unless_gone(body, self._waits.answer(without_wait(request), seconds))
        return await _unless_gone(body, self._look(request))

    async def _look(self, request: Request) -> Response:
        """The current answer, from the room of the request's kind."""
        operation = self._api.operation_of(request)
        if operation == "health":
            return self._api.handle(request)  # runs in no room, so that it is always answered
        return await self._room_of(operation).run(lambda: self._api.handle(request))

    def _room_of(self, operation: str) -> Room:
        if operation in _LOOK_UPS:
            return self._look_ups
        return self._plans if operation in _PLANS else self._quick


async def _unless_gone(body: Body, work: Awaitable[T]) -> T:
    """The work's result. Cancels the work and raises Disconnected when the caller disconnects."""
    task, gone = asyncio.ensure_future(work), asyncio.ensure_future(body.gone())
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise Disconnected
    finally:
        task.cancel()
        gone.cancel()


def _refusal(error: BoatyardError, path: str) -> Response:
    response = refuse(error, path)
    headers = dict(response.headers)
    if response.status == _UNAUTHORIZED:
        headers["www-authenticate"] = _CHALLENGE
    if error.code == Code.REQUEST_TIMEOUT:
        headers["connection"] = "close"
    return msgspec.structs.replace(response, headers=headers)


async def _send(response: Response, body: Body, send: Send) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
    headers.append((b"content-length", str(len(response.body)).encode()))
    headers.append((b"cache-control", b"no-store"))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if body.unread:
        # The answer is sent, but the connection stays open while the caller still sends: if it were closed now, the
        # caller would get a broken connection, and never read the answer.
        await send({"type": "http.response.body", "body": response.body, "more_body": True})
        await body.drain()
        await send({"type": "http.response.body"})
    else:
        await send({"type": "http.response.body", "body": response.body})
