"""A Google API on loopback. The discovery document checks each request and answer; functions of the test make the
answers.

    with ApiServer("secretmanager", "v1", tokens) as server:
        server.on("secretmanager.projects.secrets.get", lambda asked: {...})
"""

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.gcp.discovery import Asked, Refused, api
from tests.gcp.metadata_server import MetadataServer

Answerer = Callable[[Asked], Any]


class GoogleError(Exception):
    """An error in the format of Google's APIs (https://cloud.google.com/apis/design/errors)."""

    def __init__(self, status: int, word: str, *, reason: str = "", **metadata: str) -> None:
        super().__init__(f"{status} {word}")
        self.status = status
        error: dict[str, Any] = {"code": status, "message": "a message for people", "status": word}
        if reason:
            kind = "type.googleapis.com/google.rpc.ErrorInfo"
            error["details"] = [{"@type": kind, "reason": reason, "domain": "googleapis.com", "metadata": metadata}]
        self.body = {"error": error}


NOT_FOUND = GoogleError(404, "NOT_FOUND")
ALREADY_EXISTS = GoogleError(409, "ALREADY_EXISTS")


class _Fault(NamedTuple):
    error: GoogleError
    times: int
    done: bool


class ApiServer:
    def __init__(self, name: str, version: str, metadata: MetadataServer) -> None:
        self.api = api(name, version)
        self._metadata = metadata
        self._answers: dict[str, Answerer] = {}
        self._faults: dict[str, _Fault] = {}
        self._lock = threading.RLock()
        self.asked: list[Asked] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def on(self, method: str, answer: Answerer) -> None:
        """Raises KeyError for a method that the API does not have."""
        self._answers[self.api.methods[method].id] = answer

    def fail(
        self,
        method: str,
        status: int,
        word: str,
        *,
        times: int = 10**6,
        reason: str = "",
        info: Mapping[str, str] | None = None,
        done: bool = False,
    ) -> None:
        """`reason` and `info` are the ErrorInfo. With `done`, the request is carried out and its answer lost."""
        error = GoogleError(status, word, reason=reason, **(info or {}))
        self._faults[self.api.methods[method].id] = _Fault(error, times, done)

    def heal(self) -> None:
        self._faults.clear()

    def count(self, method: str) -> int:
        return sum(asked.method.id == method for asked in self.asked)

    def answer(self, verb: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Any]:
        parts = urlsplit(target)
        try:
            document = json.loads(body) if body else None
        except ValueError:
            return 400, GoogleError(400, "INVALID_ARGUMENT").body
        try:
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            if not self._metadata.knows(headers.get("authorization", "")):
                raise GoogleError(401, "UNAUTHENTICATED")
            asked = self.api.match(verb, unquote(parts.path), query, document)
            return 200, self._carry_out(asked)
        except Refused as error:
            refused = GoogleError(error.status, "INVALID_ARGUMENT").body
            refused["error"]["message"] = error.reason
            return error.status, refused
        except GoogleError as error:
            return error.status, error.body

    def _carry_out(self, asked: Asked) -> Any:
        with self._lock:
            self.asked.append(asked)
            fault = self._faults.get(asked.method.id)
            if fault and fault.times:
                self._faults[asked.method.id] = fault._replace(times=fault.times - 1)
                if fault.done:
                    self._answers[asked.method.id](asked)
                raise fault.error
            given = self._answers[asked.method.id](asked)
            self.api.check_answer(asked.method, given)
            return given

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
            disable_nagle_algorithm = True
            wbufsize = -1

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                try:
                    status, document = played.answer(self.command, self.path, headers, body)
                except Exception as error:  # a fault of the stand-in, which the test has to show
                    status, document = 501, {"error": {"code": 501, "message": repr(error)}}
                data = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json; charset=UTF-8")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

            def log_message(self, *_: Any) -> None: ...

        return Handler
