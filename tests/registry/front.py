"""A real registry on loopback behind a server that decides who may push, as a cloud's registry decides it.

Anybody may pull: a function asks a host that is not its cloud's without credentials.
"""

import http.client
import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import MSG_PEEK
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from tests.registry.distribution import Distribution

_READS: Final = ("GET", "HEAD")
_PART: Final = 1024 * 1024
_TLS: Final = b"\x16"
_OF_A_CONNECTION: Final = frozenset({"connection", "transfer-encoding", "keep-alive", "authorization"})


class OwnAnswer(NamedTuple):
    status: int
    document: Any


class FrontedRegistry(ABC):
    def __init__(self, folder: Path) -> None:
        self.pushes: list[str] = []
        """The token of each request that wrote something."""
        self.refused = 0
        self._registry = Distribution(folder)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_port}"

    @abstractmethod
    def challenge(self, path: str) -> str:
        """WWW-Authenticate for a push without a token that counts."""

    @abstractmethod
    def token_of(self, path: str, authorization: str) -> str:
        """The token that allows this push; empty if there is none."""

    def own(self, method: str, target: str, authorization: str, body: bytes) -> OwnAnswer | None:
        """The answer of the cloud's own API beside /v2/."""
        return None

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._registry.stop()

    def _may_push(self, path: str, authorization: str) -> bool:
        if not (token := self.token_of(path, authorization)):
            self.refused += 1
            return False
        self.pushes.append(token)
        return True

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        played = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_one_request(self) -> None:
                if self.connection.recv(1, MSG_PEEK) == _TLS:  # as Go's servers do; BuildKit then goes on without TLS
                    self.connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")
                    self.close_connection = True
                    return
                super().handle_one_request()

            def _serve(self) -> None:
                authorization = self.headers.get("authorization", "")
                if not self.path.startswith("/v2/"):
                    self._answer_alone(authorization)
                    return
                if self.command not in _READS and not played._may_push(self.path, authorization):
                    # Its body is still to come. Without the header, the client would send its next request here too.
                    self._send(401, b"", {"WWW-Authenticate": played.challenge(self.path), "Connection": "close"})
                    return
                connection = http.client.HTTPConnection(played._registry.address, timeout=60)
                try:
                    headers = {name: value for name, value in self.headers.items() if not _is_hop(name)}
                    chunked = "transfer-encoding" in self.headers
                    if chunked:
                        headers["Transfer-Encoding"] = "chunked"
                    connection.request(self.command, self.path, self._body(), headers, encode_chunked=chunked)
                    self._pass_on(connection.getresponse())
                finally:
                    connection.close()

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

            def _answer_alone(self, authorization: str) -> None:
                body = b"".join(self._body() or ())
                given = played.own(self.command, self.path, authorization, body) or OwnAnswer(404, {})
                self._send(given.status, json.dumps(given.document).encode(), {"Content-Type": "application/json"})

            def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _body(self) -> Iterator[bytes] | None:
                if "transfer-encoding" in self.headers:
                    return self._chunks()
                length = int(self.headers.get("content-length") or 0)
                return self._parts(length) if length else None

            def _parts(self, left: int) -> Iterator[bytes]:
                while left and (part := self.rfile.read(min(left, _PART))):
                    left -= len(part)
                    yield part

            def _chunks(self) -> Iterator[bytes]:
                while size := int(self.rfile.readline().partition(b";")[0], 16):
                    yield self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()

            def _pass_on(self, answer: http.client.HTTPResponse) -> None:
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if not _is_hop(name) and name.lower() not in ("date", "server"):
                        self.send_header(name, value)
                if answer.headers.get("content-length") is None and self.command != "HEAD" and answer.status != 204:
                    self.send_header("Connection", "close")
                self.end_headers()
                while part := answer.read(_PART):
                    self.wfile.write(part)

            def log_message(self, *_: Any) -> None: ...

        return Handler


def _is_hop(name: str) -> bool:
    return name.lower() in _OF_A_CONNECTION
