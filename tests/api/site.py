"""Serves the API over the in-memory ports, also as a WSGI application for tools that need one."""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from boatyard.api import Api, Request, Response
from boatyard.api.handlers import DeploymentFacts
from boatyard.build import Image, State
from boatyard.job import BUILD_LABEL, KEY_LABEL, JobResult
from boatyard.memory import (
    ManualClock,
    MemoryContextStore,
    MemoryDeploymentKey,
    MemoryJobRunner,
    MemoryRegistry,
    MemorySecretStore,
)
from boatyard.reference import Reference
from boatyard.service import Service
from boatyard.settings import Settings
from boatyard_connect import ProtobufCodec

SETTINGS = Settings(
    default_repository="registry.example.com/images",
    platforms=("linux/amd64", "linux/arm64"),
)
SPEC = {
    "baseImage": "registry.example.com/python:3.12",
    "pythonVersion": "3.12",
    "layers": [{"pipPackages": {"packages": ["six"]}}],
}


class Site:
    """A deployment in memory."""

    def __init__(
        self,
        settings: Settings = SETTINGS,
        *,
        registry: MemoryRegistry | None = None,
        clock: ManualClock | None = None,
    ) -> None:
        self.clock = clock or ManualClock()
        self.registry = registry or MemoryRegistry()
        self.runner = MemoryJobRunner(self.clock, settings.limits)
        self.contexts = MemoryContextStore(self.clock)
        self.secrets = MemorySecretStore()
        self.service = Service(
            settings,
            registry=self.registry,
            runner=self.runner,
            contexts=self.contexts,
            secrets=self.secrets,
            deployment_key=MemoryDeploymentKey(),
            clock=self.clock,
        )
        self.api = Api(self.service, DeploymentFacts(cloud="memory", runners=("memory",)), ProtobufCodec())

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
        """Status and decoded JSON."""
        response = self.send(method, path, body, **query)
        return response.status, msgspec.json.decode(response.body) if response.body else None

    def send(self, method: str, path: str, body: Any = None, **query: str) -> Response:
        data = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
        headers = {"content-type": "application/json"} if body is not None else {}
        return self.api.handle(Request(method=method, path=path, query=query, headers=headers, body=data))

    def finish_as_asked(self, build_id: str) -> Image:
        """The job builds and pushes what its plan says, with the labels."""
        job = self.runner.job(build_id)
        digest = "sha256:" + hashlib.sha256(build_id.encode()).hexdigest()
        reference = Reference.parse(job.target)
        image = Image(
            reference=str(reference.at(digest)),
            digest=digest,
            platforms=job.platforms,
            key=job.labels[KEY_LABEL],
            build_tag=job.labels[BUILD_LABEL],
        )
        self.registry.push(reference, image)
        self.runner.begin(build_id)
        self.runner.finish(build_id, JobResult(state=State.SUCCEEDED, digest=digest))
        return image

    def wsgi(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        response = self.api.handle(
            Request(
                method=environ["REQUEST_METHOD"],
                path=environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace"),
                query=dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)),
                headers={
                    "content-type": environ.get("CONTENT_TYPE", ""),
                },
                body=environ["wsgi.input"].read(length),
            )
        )
        start_response(f"{response.status} X", [(name, value) for name, value in response.headers.items()])
        return [response.body]
