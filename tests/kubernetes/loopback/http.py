"""The API over HTTP/1.1 on loopback: paths, content types, bearer tokens, Status bodies, streams."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.kubernetes.loopback.api import Api
from tests.kubernetes.loopback.rbac import User
from tests.kubernetes.loopback.resources import Target, target_of
from tests.kubernetes.loopback.status import Refused
from tests.kubernetes.loopback.watch import watch

Fault = Callable[[str, str], Refused | str | None]
"""(method, path) -> a refusal to answer with, "drop" to hang up, or None to go on: what a bad day brings."""
_LARGEST = 3 * 1024 * 1024
"""Bytes of a request (kube-apiserver's limit)."""


class Server:
    def __init__(self, api: Api, users: Callable[[str], User | None], logs: Any) -> None:
        self.api = api
        self.users = users
        self.logs = logs
        self.fault: Fault | None = None
        self.version = "v1.32.0"
        self.requests: list[tuple[str, str, str]] = []
        """(method, path with query, content type) of each, for tests."""
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        self._tls: list[ThreadingHTTPServer] = []

    def serve_tls(self, context: ssl.SSLContext) -> int:
        """The same API over TLS as well; the port."""
        server = _TlsServer(("127.0.0.1", 0), _handler(self), context)
        self._tls.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return int(server.server_address[1])

    def close(self) -> None:
        for server in (self._http, *self._tls):
            server.shutdown()
            server.server_close()


class _TlsServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], context: ssl.SSLContext):
        super().__init__(address, handler)
        self._context = context

    def get_request(self) -> Any:
        connection, address = super().get_request()
        # The handshake is the connection's own thread's, at its first read.
        return self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that does not trust the certificate hangs up, which is its test's business."""


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._answer()

        do_POST = do_PATCH = do_PUT = do_DELETE = do_GET

        def date_time_string(self, timestamp: float | None = None) -> str:
            return formatdate(server.api.store.now(), usegmt=True)

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def _answer(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(size) if size <= _LARGEST else b""
            kind = (self.headers.get("content-type") or "").partition(";")[0]
            server.requests.append((self.command, self.path, kind))
            try:
                if size > _LARGEST:
                    self.close_connection = True
                    raise Refused(413, "Request entity too large: limit is 3145728")
                if server.fault and (fault := server.fault(self.command, self.path)) is not None:
                    if isinstance(fault, str):
                        self.close_connection = True
                        return
                    raise fault
                self._dispatch(body, kind)
            except Refused as refused:
                headers = {"Retry-After": str(refused.retry_after)} if refused.retry_after else {}
                self._send(refused.code, refused.body, headers)

        def _dispatch(self, body: bytes, kind: str) -> None:
            parts = urlsplit(self.path)
            if (self.command, parts.path) == ("GET", "/version"):
                self._user()  # system:public-info-viewer: everybody may read it
                return self._send(200, {"major": "1", "minor": "32", "gitVersion": server.version})
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            user = self._user()
            target = target_of(parts.path)
            api = server.api
            match self.command:
                case "GET" if target.sub == "log":
                    api._allow(user, "get", target)
                    data, stream = server.logs(target, query)
                    self._stream(stream, "text/plain") if stream is not None else self._raw(200, data, "text/plain")
                case "GET" if target.name:
                    self._send(200, api.get(user, target))
                case "GET" if query.get("watch") in ("true", "1"):
                    api._allow(user, "watch", target)
                    self._stream(watch(api, target, query), "application/json")
                case "GET":
                    self._send(200, api.search(user, target, query))
                case "POST" if not target.name:
                    self._send(201, api.create(user, target, _object(body, kind, "application/json"), query))
                case "PATCH" if target.name:
                    self._send(200, api.patch(user, target, _object(body, kind, kind), kind, query))
                case "PUT" if target.name:
                    self._send(200, api.replace(user, target, _object(body, kind, "application/json"), query))
                case "DELETE" if target.name:
                    options = _object(body, kind, "application/json") if body else {}
                    self._send(200, api.delete(user, target, options, query))
                case _:
                    raise Refused(405, "the server does not allow this method on the requested resource")

        def _user(self) -> User:
            scheme, _, token = (self.headers.get("authorization") or "").partition(" ")
            user = server.users(token) if scheme == "Bearer" else None
            if user is None:
                raise Refused(401, "Unauthorized")
            return user

        def _send(self, code: int, obj: Any, headers: dict[str, str] | None = None) -> None:
            self._raw(code, json.dumps(obj).encode(), "application/json", headers or {})

        def _raw(self, code: int, data: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
            self.send_response(code)
            for name, value in {**(headers or {}), "Content-Type": kind, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def _stream(self, pieces: Iterator[bytes], kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            try:
                for piece in pieces:
                    if piece:
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                        self.wfile.flush()
                self.wfile.write(b"0\r\n\r\n")
            except OSError:
                self.close_connection = True

    return Handler


def _object(body: bytes, kind: str, wanted: str) -> Any:
    if kind != wanted:
        raise Refused(415, f"the body of the request was in an unknown format: {kind}")
    try:
        value = json.loads(body)
    except ValueError:
        raise Refused(400, "the object provided is unrecognized (must be of type JSON or YAML)") from None
    if not isinstance(value, dict):
        raise Refused(400, "couldn't get version/kind; json parse error")
    return value


__all__ = ["Server", "Target"]
