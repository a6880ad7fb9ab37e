"""A server on loopback with TLS, which Azure's clients need, and the authority that signed its certificate."""

import json
import os
import ssl
import sys
import threading
from collections.abc import Callable, Mapping
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, unquote, urlsplit

import trustme


class Asked(NamedTuple):
    verb: str
    target: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def document(self) -> Any:
        return json.loads(self.body) if self.body else None

    @property
    def token(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")


class Given(NamedTuple):
    status: int
    body: Any = None
    """Bytes as they are, anything else as JSON."""
    headers: Mapping[str, str] = {}


Answerer = Callable[[Asked], Given]


@cache
def authority() -> trustme.CA:
    return trustme.CA()


def write_authority(folder: Path) -> Path:
    """For SSL_CERT_FILE, REQUESTS_CA_BUNDLE and `connection_verify`."""
    path = folder / "authority.pem"
    authority().cert_pem.write_to_path(path)
    return path


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """Certificate and key of 127.0.0.1."""
    issued = _issued()
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
    with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(issued.private_key_pem.bytes())
    return certificate, key


@cache
def _issued() -> trustme.LeafCert:
    return authority().issue_cert("127.0.0.1", "localhost")


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that trusts another authority ends the handshake, which is its own affair."""
        if not isinstance(sys.exc_info()[1], ssl.SSLError):
            super().handle_error(request, client_address)


class TlsServer:
    """Answers with `answer`. `plain` is for the identity endpoints of a function and a machine, which have no TLS."""

    def __init__(self, answer: Answerer, *, plain: bool = False) -> None:
        self._server = _Server(("127.0.0.1", 0), _handler(answer))
        self._server.daemon_threads = True
        if not plain:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            _issued().configure_cert(context)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"{'http' if plain else 'https'}://{self.host}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(answer: Answerer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            given = answer(Asked(self.command, self.path, headers, body))
            data = given.body if isinstance(given.body, bytes) else json.dumps(given.body).encode()
            if given.body is None:
                data = b""
            self.send_response(given.status)
            for name, value in {"content-type": "application/json", **given.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

        def log_message(self, *_: Any) -> None: ...

    return Handler
