"""Boatyard over the in-memory ports, on a real loopback socket, with faults on demand.

A worker plays each build as the build's Dockerfile says; see `Worker`.
"""

import json
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from boatyard.api import Api, Request
from boatyard.api.handlers import DeploymentFacts
from boatyard.api.problem import respond
from boatyard.build import Build, Failure, Image, Phase, PhaseTime, State, Step
from boatyard.errors import BoatyardError
from boatyard.job import JobProgress, JobResult
from boatyard.memory import MemoryContextStore, MemoryDeploymentKey, MemoryJobRunner, MemoryRegistry, MemorySecretStore
from boatyard.ports import BuildQuery, Upload
from boatyard.reference import Reference
from boatyard.service import Service
from boatyard.settings import Settings

DIGEST = "sha256:" + "d" * 64
SETTINGS = Settings(default_repository="registry.example.com/images")
Fault = Callable[["_Handler"], bool]
"""Answers a request in its own way and returns True; or returns False to have it answered."""


class Clock:
    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(min(seconds, 0.01))


class UploadStore(MemoryContextStore):
    """A memory store behind upload addresses of this server."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.base = ""
        self.given: dict[str, Upload] = {}

    def upload(self, sha256: str, size: int) -> Upload:
        made = super().upload(sha256, size)
        path = f"/uploads/{sha256}/{size}"
        self.given[path] = made
        return Upload(upload_url=self.base + path, headers=made.headers, expires_at=made.expires_at)


class MemoryService:
    """`url` answers while it runs; `stop` and `start` are a restart on the same port."""

    def __init__(self, settings: Settings = SETTINGS) -> None:
        self.clock = Clock()
        self.registry = MemoryRegistry()
        self.runner = MemoryJobRunner(self.clock, settings.limits)
        self.contexts = UploadStore(self.clock)
        self.secrets = MemorySecretStore()
        service = Service(
            settings,
            registry=self.registry,
            runner=self.runner,
            contexts=self.contexts,
            secrets=self.secrets,
            deployment_key=MemoryDeploymentKey(),
            clock=self.clock,
        )
        self.api = Api(service, DeploymentFacts(cloud="memory", runners=("memory",)))
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self.connections: set[socket.socket] = set()
        self.port = 0
        self.worker = Worker(self)
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        handler = type("Handler", (_Handler,), {"service": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.contexts.base = self.url
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stops like a killed process: connections break, too."""
        self._server.shutdown()
        self._server.server_close()
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def close(self) -> None:
        self.worker.ended.set()
        self.worker.go_on.set()
        self.stop()

    def builds(self) -> tuple[Build, ...]:
        return self.runner.list(BuildQuery()).builds

    def put(self, path: str, body: bytes) -> None:
        self.contexts.receive(self.contexts.given[path], body)


class Worker(threading.Thread):
    """Runs queued builds. A Dockerfile with FAIL fails, one with HOLD waits for `go_on`."""

    def __init__(self, service: MemoryService) -> None:
        super().__init__(daemon=True)
        self.service = service
        self.go_on = threading.Event()
        self.ended = threading.Event()
        self.start()

    def run(self) -> None:
        while not self.ended.is_set():
            for build in self.service.builds():
                if build.state is State.QUEUED:
                    self.play(build)
            time.sleep(0.005)

    def play(self, build: Build) -> None:
        runner = self.service.runner
        job = runner.job(build.id)
        runner.begin(build.id)
        runner.log(build.id, "one", "\x1b[31mtwo\x1b[0m")
        step = Step(number=1, total=2, title="with_commands(['x'])")
        runner.progress(build.id, JobProgress(phases=(PhaseTime(phase=Phase.BUILD),), step=step))
        if "HOLD" in job.dockerfile:
            while not self.go_on.wait(0.01) and not self._has_ended(build):
                pass
        if self._has_ended(build):
            return
        runner.log(build.id, "three")
        if "FAIL" in job.dockerfile:
            failure = Failure(
                code="COMMAND_FAILED",
                message="the command ended with 3",
                advice="Read its last lines.",
                layer_index=0,
                layer_kind="commands",
                sdk_call="with_commands(['x'])",
                log_tail=("one", "three"),
            )
            runner.finish(build.id, JobResult(state=State.FAILED, error=failure))
            return
        image = Image(reference=f"x@{DIGEST}", digest=DIGEST, platforms=job.platforms, key=job.key)
        target = Reference.parse(job.target)
        self.service.registry.push(target, Image(**{**_fields(image), "reference": str(target.at(DIGEST))}))
        runner.finish(build.id, JobResult(state=State.SUCCEEDED, digest=DIGEST))

    def _has_ended(self, build: Build) -> bool:
        now = self.service.runner.status(build.id)
        return now is None or now.state.ended


def _fields(image: Image) -> dict[str, Any]:
    return {name: getattr(image, name) for name in image.__struct_fields__}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service: MemoryService

    def setup(self) -> None:
        super().setup()
        self.service.connections.add(self.connection)

    def finish(self) -> None:
        self.service.connections.discard(self.connection)
        with suppress(OSError):
            super().finish()

    def handle_any(self) -> None:
        self.service.requests.append(f"{self.command} {self.path.partition('?')[0]}")
        for fault in list(self.service.faults):
            if fault(self):
                return
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        parts = urlsplit(self.path)
        if parts.path.startswith("/uploads/"):
            self.receive(parts.path, body)
            return
        response = self.service.api.handle(
            Request(
                method=self.command,
                path=unquote(parts.path),
                query=dict(parse_qsl(parts.query)),
                headers={name.lower(): value for name, value in self.headers.items()},
                body=body,
            )
        )
        self.answer(response.status, response.body, dict(response.headers))

    do_GET = do_POST = do_PUT = do_DELETE = handle_any

    def receive(self, path: str, body: bytes) -> None:
        try:
            self.service.put(path, body)
        except BoatyardError as error:
            refusal = respond(error)
            self.answer(refusal.status, refusal.body, dict(refusal.headers))
            return
        self.answer(201, b"", {})

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...


def once(method: str, path: str, act: Callable[[Any], None]) -> Fault:
    """Adds a fault for the first request that matches."""
    done = threading.Event()

    def fault(handler: _Handler) -> bool:
        if done.is_set() or handler.command != method or not handler.path.startswith(path):
            return False
        done.set()
        act(handler)
        return True

    return fault


def hang_up(handler: Any) -> None:
    """Closes the connection without an answer."""
    handler.close_connection = True
    handler.connection.close()


def say(status: int, body: object = None, **headers: str) -> Callable[[Any], None]:
    """Answers differently; `body` becomes JSON unless it is bytes."""

    def act(handler: Any) -> None:
        handler.rfile.read(int(handler.headers.get("content-length") or 0))
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.answer(status, data, {name.replace("_", "-"): value for name, value in headers.items()})

    return act
