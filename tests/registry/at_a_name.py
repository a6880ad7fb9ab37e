"""A proxy behind which a cloud registry's own address leads to the registry on loopback, over TLS."""

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import trustme

from boatyard_registry.deadline import Deadline
from boatyard_registry.transport import Transport

_LARGEST = 4 * 1024 * 1024


class ProxyTo:
    """`url` is what HTTPS_PROXY takes. Its clients have to trust `ca`."""

    def __init__(self, host: str, registry: Transport, ca: trustme.CA | None = None) -> None:
        """`registry` gets the requests for `host`."""
        self.ca = ca or trustme.CA()
        self._host = host
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(host).configure_cert(self._context)
        self._registry = registry
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        played = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_CONNECT(self) -> None:
                if self.path != f"{played._host}:443":
                    self.send_error(502)
                    return
                self.send_response(200)
                self.end_headers()
                self.connection = played._context.wrap_socket(self.connection, server_side=True)
                self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
                self.close_connection = False

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                del headers["host"]
                answer = played._registry.send(
                    self.command,
                    f"https://{played._host}{self.path}",
                    headers=headers,
                    body=body or None,
                    limit=_LARGEST,
                    deadline=Deadline(30),
                )
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    if name not in ("content-length", "connection", "date", "server"):
                        self.send_header(name, value)
                for challenge in answer.challenges if "www-authenticate" not in answer.headers else ():
                    self.send_header("www-authenticate", challenge)
                self.send_header("content-length", answer.headers.get("content-length", str(len(answer.body))))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer.body)

            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve

            def log_message(self, *_: Any) -> None: ...

        return Handler
