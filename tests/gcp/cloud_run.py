"""Cloud Run's edge as its documents describe it: one header is checked, and loses its signature.

https://cloud.google.com/run/docs/authenticating/service-to-service. A token is good if the metadata server's stand-in
made it.
"""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from tests.gcp.metadata_server import SIGNATURE
from tests.gcp.payloads import REMOVED

_CHECKED_FIRST: Final = "x-serverless-authorization"


class CloudRun:
    """`drops`: what the documents do not say it does, namely to keep X-Serverless-Authorization to itself."""

    def __init__(self, function: str, *, drops: bool = False) -> None:
        self._function = urlsplit(function).netloc
        self._drops = drops
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

    def _admitted(self, headers: dict[str, str]) -> dict[str, str] | None:
        """What the function gets; None for a caller that is not admitted."""
        name = _CHECKED_FIRST if _CHECKED_FIRST in headers else "authorization"
        signed, _, signature = headers.get(name, "").rpartition(".")
        if signature != SIGNATURE:
            return None
        admitted = {**headers, name: f"{signed}.{REMOVED}"}
        if self._drops:
            admitted.pop(_CHECKED_FIRST, None)
        return admitted

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        played = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                admitted = played._admitted({name.lower(): value for name, value in self.headers.items()})
                if admitted is None:
                    self.send_error(401)
                    return
                connection = http.client.HTTPConnection(played._function, timeout=60)
                connection.request("GET", self.path, headers=admitted)
                answer = connection.getresponse()
                body = answer.read()
                connection.close()
                self.send_response(answer.status)
                self.send_header("content-type", answer.headers["content-type"])
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        return Handler
