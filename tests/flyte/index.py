"""A package index on loopback (PEP 503), the only one that tests need. Builds reach it by the host's network."""

import base64
import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar


class _Handler(BaseHTTPRequestHandler):
    folder: ClassVar[Path]
    password: ClassVar[str]
    alone: ClassVar[bool]
    hashes: ClassVar[bool]

    def do_GET(self) -> None:
        parts = [part for part in self.path.partition("?")[0].split("/") if part]
        if self.password and parts[:1] == ["private"]:
            wanted = base64.b64encode(f"user:{self.password}".encode()).decode()
            if self.headers.get("authorization") != f"Basic {wanted}":
                self.send_response(401)
                self.send_header("www-authenticate", 'Basic realm="private"')
                self.end_headers()
                return
        match parts:
            case [_, "simple", project] if self.alone or self._links(project):
                self._send(self._links(project).encode(), "text/html")
            case [_, "files", name] if (self.folder / name).is_file():
                self._send((self.folder / name).read_bytes(), "application/octet-stream")
            case _:
                self.send_error(404)

    do_HEAD = do_GET

    def _links(self, project: str) -> str:
        files = [p for p in sorted(self.folder.iterdir()) if p.name.endswith((".whl", ".tar.gz"))]
        found = [path for path in files if _name(path.name.split("-")[0]) == _name(project)]
        return "".join(f'<a href="../../files/{path.name}{self._fragment(path)}">{path.name}</a>\n' for path in found)

    def _fragment(self, path: Path) -> str:
        return f"#sha256={hashlib.sha256(path.read_bytes()).hexdigest()}" if self.hashes else ""

    def _send(self, data: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *arguments: object) -> None:
        """Logs nothing."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    """uv connects for every package at the same time. A connection that finds no room tries again after a second."""


@contextmanager
def serve(folder: Path, password: str, *, alone: bool = True, hashes: bool = False) -> Iterator[str]:
    """Serves the wheels and source distributions of `folder`; `<url>/public/simple` for all, `/private/simple` for
    user and password. Beside another index (not `alone`) it does not have the projects of which it has no wheel.
    With `hashes`, as most indexes do, links have the SHA-256 of the file."""
    served = {"folder": folder, "password": password, "alone": alone, "hashes": hashes}
    handler = type("Handler", (_Handler,), served)
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def _name(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text).lower()
