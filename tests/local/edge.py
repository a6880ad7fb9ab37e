"""The embedded server's edge in this process, over the in-memory ports, with adjustable limits."""

import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from boatyard.build import Image
from boatyard.memory import MemoryRegistry
from boatyard.reference import Reference
from boatyard_local.clock import SystemClock
from boatyard_local.contexts import FileContextStore
from boatyard_local.upload_url import UploadUrls
from boatyard_local.web.app import App
from boatyard_local.web.bearer import Bearer
from boatyard_local.web.body import Pace
from boatyard_local.web.hosts import Hosts
from boatyard_local.web.protocol import BoundedProtocol
from boatyard_local.web.server import Server
from boatyard_local.web.uploads import Uploads
from tests.api.site import SETTINGS, Site

TOKEN = "the-token"
BEARER = {"authorization": f"Bearer {TOKEN}"}


class SilentRegistry(MemoryRegistry):
    """Answers nothing until `go_on` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()
        self.asked = 0

    def find(self, reference: Reference, platforms: Iterable[str]) -> Image | None:
        self.asked += 1
        self.go_on.wait(60)
        return super().find(reference, platforms)


class Edge:
    def __init__(self, folder: Path, protocol: type[BoundedProtocol], pace: Pace | None) -> None:
        self.registry = SilentRegistry()
        self.site = Site(SETTINGS, registry=self.registry)
        self._bound = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._bound.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        urls, clock = UploadUrls(self.url, b"k" * 32), SystemClock()
        self.app = App(
            self.site.api,
            uploads=Uploads(FileContextStore(folder / "contexts", clock, urls).open(), urls, clock),
            hosts=Hosts(self.port),
            bearer=Bearer(TOKEN),
            largest_body=SETTINGS.limits.request_bytes,
            pace=pace,
        )
        ready = threading.Event()
        self.server = Server(self.app, on_ready=ready.set, on_stop=self.app.stop, protocol=protocol)
        self._thread = threading.Thread(target=self.server.serve_on, args=(self._bound,))
        self._thread.start()
        assert ready.wait(10)
        self.http = httpx.Client(base_url=self.url, headers=BEARER, timeout=30)

    def close(self) -> None:
        self.registry.go_on.set()
        self.http.close()
        self.server.should_exit = True
        self._thread.join(20)
        self._bound.close()

    def connect(self) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self.port))
        made.settimeout(30)
        return made

    def ask(self, path: str, method: str = "GET") -> socket.socket:
        """Sends a request without waiting for the answer."""
        made = self.connect()
        made.sendall(self.head(path, method) + b"\r\n")
        return made

    def head(self, path: str, method: str = "GET", *more: str) -> bytes:
        lines = (f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", f"Authorization: Bearer {TOKEN}", *more)
        return "".join(f"{line}\r\n" for line in lines).encode()


@contextmanager
def edge(folder: Path, protocol: type[BoundedProtocol] = BoundedProtocol, pace: Pace | None = None) -> Iterator[Edge]:
    made = Edge(folder, protocol, pace)
    try:
        yield made
    finally:
        made.close()
