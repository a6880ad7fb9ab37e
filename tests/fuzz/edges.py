"""The ways in which a request reaches the API: directly, by the embedded server's ASGI application, by AWS's function.

All use in-memory ports. The answers are the same everywhere, except for requests that an edge refuses itself.
"""

import asyncio
import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from boatyard.api import Request, Response
from boatyard.settings import Settings
from boatyard_aws.http import HttpApp
from boatyard_local.clock import SystemClock
from boatyard_local.contexts import FileContextStore
from boatyard_local.upload_url import UploadUrls
from boatyard_local.web.app import App
from boatyard_local.web.bearer import Bearer
from boatyard_local.web.hosts import Hosts
from boatyard_local.web.uploads import Uploads
from boatyard_serverless.memory import MemoryTelemetry
from tests.api.site import Site

PORT: Final = 8080
TOKEN: Final = "token"
OWN: Final = {"host": f"127.0.0.1:{PORT}", "authorization": f"Bearer {TOKEN}"}
"""Headers that the embedded server asks for."""

Edge = Callable[[Request], Response]


class _NoLines(MemoryTelemetry):
    """Drops the log of a hundred thousand requests; their answers have everything that matters."""

    def info(self, message: str, **extra: Any) -> None:
        pass

    def error(self, message: str, **extra: Any) -> None:
        pass


class Edges:
    """One deployment in memory, behind each of them."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.site = Site(settings)
        clock, urls = SystemClock(), UploadUrls(f"http://127.0.0.1:{PORT}", b"k" * 32)
        contexts = FileContextStore(folder, clock, urls).open()
        self._app = App(
            self.site.api,
            uploads=Uploads(contexts, urls, clock),
            hosts=Hosts(PORT),
            bearer=Bearer(TOKEN),
            largest_body=settings.limits.request_bytes,
        )
        request_bytes = settings.limits.request_bytes
        self._function = HttpApp(lambda: self.site.api, _NoLines(), request_bytes=request_bytes, anonymous=True)
        self._loop = asyncio.new_event_loop()
        self.edges: dict[str, Edge] = {
            "api": self.site.api.handle,
            "embedded": self._embedded,
            "function": self._lambda,
        }

    def close(self) -> None:
        self._loop.close()

    def _embedded(self, request: Request) -> Response:
        return self._loop.run_until_complete(_asgi(self._app, request))

    def _lambda(self, request: Request) -> Response:
        event = {
            "rawPath": quote(request.path, errors="replace"),
            "rawQueryString": _query(request),
            "headers": dict(request.headers),
            "requestContext": {"http": {"method": request.method}},
            "body": base64.b64encode(request.body).decode(),
            "isBase64Encoded": True,
        }
        answer = self._function.handle(event, None)
        body = answer.get("body") or ""
        data = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
        return Response(status=answer["statusCode"], body=data, headers=answer.get("headers") or {})


async def _asgi(app: App, request: Request) -> Response:
    headers = {**OWN, "content-length": str(len(request.body)), **request.headers}
    scope = {
        "type": "http",
        "method": request.method,
        "path": request.path.encode("utf-8", "replace").decode(),
        "query_string": _query(request).encode(),
        "headers": [
            (name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in headers.items()
        ],
    }
    pieces = [request.body[at : at + 65_536] for at in range(0, len(request.body), 65_536)] or [b""]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not pieces:
            await asyncio.Event().wait()  # the caller stays until it has its answer
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    if not sent:
        return Response(status=499)  # the caller was gone
    told = {name.decode("latin-1"): value.decode("latin-1") for name, value in sent[0]["headers"]}
    return Response(
        status=sent[0]["status"], body=b"".join(message.get("body", b"") for message in sent[1:]), headers=told
    )


def _query(request: Request) -> str:
    return urlencode(request.query, errors="replace")


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """A request as a file, to be sent again: `make fuzz FUZZ_OPTIONS='--again FILE'`."""

    edge: str
    why: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @classmethod
    def of(cls, request: Request, edge: str, why: str) -> "Saved":
        def plain(text: str) -> str:
            return text.encode("utf-8", "replace").decode()

        return cls(
            edge=edge,
            why=why,
            method=request.method,
            path=plain(request.path),
            query={plain(name): plain(value) for name, value in request.query.items()},
            headers={plain(name): plain(value) for name, value in request.headers.items()},
            body=request.body,
        )

    def request(self) -> Request:
        return Request(method=self.method, path=self.path, query=self.query, headers=self.headers, body=self.body)
