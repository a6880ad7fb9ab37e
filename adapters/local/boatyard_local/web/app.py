"""The ASGI application: a request in, `Api.handle` in a thread, a response out."""

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from boatyard.api import Api, Request, Response, connect, problem
from boatyard.errors import BoatyardError
from boatyard_local.web.bearer import Bearer
from boatyard_local.web.body import Body, Disconnected, Receive
from boatyard_local.web.hosts import Hosts
from boatyard_local.web.uploads import Uploads
from boatyard_local.web.workers import Workers

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_log = logging.getLogger(__name__)
_QUICK: Final = 32
_PATIENT: Final = 512
UNAUTHORIZED: Final = 401
CHALLENGE: Final = 'Bearer realm="boatyard"'


class App:
    """Requests that wait for news have threads of their own, so that none of them delays another one."""

    def __init__(self, api: Api, *, uploads: Uploads, hosts: Hosts, bearer: Bearer, largest_body: int) -> None:
        self._api = api
        self._uploads = uploads
        self._hosts = hosts
        self._bearer = bearer
        self._largest_body = largest_body
        self._quick = Workers(_QUICK)
        self._patient = Workers(_PATIENT)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        body = Body(receive, headers)
        try:
            response = await self._answer(scope, headers, body)
        except Disconnected:
            return
        except BoatyardError as error:
            response = _refuse(error, scope["path"])
        except Exception:
            _log.exception("unforeseen error at %s %s", scope["method"], scope["path"])
            response = problem.respond(BoatyardError("INTERNAL", "an unforeseen error; the service's log has more"))
        await _send(response, body, send)

    async def _answer(self, scope: Scope, headers: dict[str, str], body: Body) -> Response:
        self._hosts.check(value.decode("latin-1") for name, value in scope["headers"] if name == b"host")
        self._hosts.check_page(headers)
        path = scope["path"]
        if not self._uploads.serves(path):  # their addresses are signed
            self._bearer.check(path, scope["headers"])
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        # A HEAD is a GET whose body the server leaves out.
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        if self._uploads.serves(path):
            if method != "PUT":
                error = BoatyardError("METHOD_NOT_ALLOWED", f"{path} takes PUT")
                return problem.respond(error, {"allow": "PUT"})
            return await self._uploads.put(path, query, body, self._quick)
        request = Request(
            method=method,
            path=path,
            query=query,
            headers=headers,
            body=await body.read(self._largest_body),
        )
        workers = self._patient if query.get("wait") else self._quick
        return await workers.run(lambda: self._api.handle(request))


def _refuse(error: BoatyardError, path: str) -> Response:
    response = connect.refuse(error) if path == connect.PATH else problem.respond(error)
    if response.status != UNAUTHORIZED:
        return response
    return msgspec.structs.replace(response, headers={**response.headers, "www-authenticate": CHALLENGE})


async def _send(response: Response, body: Body, send: Send) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
    headers.append((b"content-length", str(len(response.body)).encode()))
    headers.append((b"cache-control", b"no-store"))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if body.unread:
        # The answer is out, but the connection stays open while its caller still sends: closed now, it
        # would break under the caller's hands, and the answer would never be read.
        await send({"type": "http.response.body", "body": response.body, "more_body": True})
        await body.drain()
        await send({"type": "http.response.body"})
    else:
        await send({"type": "http.response.body", "body": response.body})
