"""A function's deployment over the in-memory ports. The test delivers its queue."""

import json
from collections.abc import Callable
from typing import Any

import msgspec

from boatyard.build import Image
from boatyard.errors import BoatyardError
from boatyard.memory import ManualClock, MemoryContextStore, MemoryDeploymentKey, MemoryRegistry, MemorySecretStore
from boatyard.order import Order
from boatyard.plan import Plan
from boatyard.reference import Reference
from boatyard.settings import Limits, Settings
from boatyard_serverless.builds import ServiceJobRunner
from boatyard_serverless.deployment import Deployment
from boatyard_serverless.events.dispatch import Builds
from boatyard_serverless.events.model import ImagePushed, Scheduled, SpecDropped, parse_message
from boatyard_serverless.events.outcome import EventOutcome
from boatyard_serverless.memory import (
    MemoryBucket,
    MemoryBuildService,
    MemoryDeadLetters,
    MemoryTelemetry,
    MemoryWorkQueue,
)

HOST = "registry.example.com"
BASE = f"{HOST}/base:1"
SETTINGS = Settings(default_repository=f"{HOST}/images", limits=Limits(queued_builds=500))
SPEC = {"baseImage": BASE, "pythonVersion": "3.12", "layers": [{"pipPackages": {"packages": ["six"]}}]}
_REDELIVERY_SECONDS = 10


class NoQueue(MemoryWorkQueue):
    def __bool__(self) -> bool:
        return False


class MemoryParts:
    """Implements `DeploymentParts`. Instances made with the same `bucket` are one deployment."""

    cloud = "memory"
    runner_names = ("memory",)
    poll_seconds = 1.0
    pin_bases = True
    builds: Builds | None = None
    refuse_order: Callable[[Order, Plan], None] | None = None

    def __init__(
        self, settings: Settings = SETTINGS, *, queue: MemoryWorkQueue | None = None, like: "MemoryParts | None" = None
    ) -> None:
        self.settings = settings
        self.clock = like.clock if like else ManualClock()
        self.registry = like.registry if like else MemoryRegistry()
        self.bucket = like.bucket if like else MemoryBucket()
        self.service = like.service if like else MemoryBuildService()
        self.queue = like.queue if like else MemoryWorkQueue() if queue is None else queue
        self.dead_letters = like.dead_letters if like else MemoryDeadLetters()
        self.deployment_key = like.deployment_key if like else MemoryDeploymentKey()
        self.telemetry = MemoryTelemetry()
        self.contexts = MemoryContextStore(self.clock)
        self.secrets = MemorySecretStore()
        self.runner = ServiceJobRunner(self.bucket, self.service, self.clock, settings)
        self.deployment = Deployment(self)

    @property
    def started(self) -> list[str]:
        """Ids of the builds that the service started."""
        return list(self.service._builds)

    def push(self, reference: str, digit: str = "a") -> str:
        """Pushes an image under a tag; its digest is the digit 64 times."""
        digest = f"sha256:{digit * 64}"
        parsed = Reference.parse(reference)
        self.registry.push(parsed, Image(reference=str(parsed.at(digest)), digest=digest, platforms=("linux/amd64",)))
        return digest

    def pushed(self, digit: str = "f", reference: str = BASE) -> EventOutcome:
        """Pushes a base and delivers its event."""
        self.push(reference, digit)
        return self.event(ImagePushed(Reference.parse(reference)))

    def event(self, event: ImagePushed | SpecDropped | Scheduled) -> EventOutcome:
        return self.deployment.dispatch.event(lambda: event, msgspec.to_builtins(event), source="test")

    def deliver(self, body: Any) -> BoatyardError | None:
        """Delivers a message as a queue does. Returns the error that makes the queue deliver it again."""
        document = json.loads(json.dumps(body))
        try:
            self.deployment.dispatch.message(lambda: parse_message(document), document, source="m")
        except BoatyardError as error:
            return error
        return None

    def drain(self, *, copies: int = 1, most: int = 1000) -> None:
        """Delivers until the queue is empty. A message that is refused comes again after a while."""
        for _ in range(most):
            if not self.queue.messages:
                return
            body, _ = self.queue.messages.pop(0)
            for _ in range(copies):
                failed = self.deliver(body)
            if failed:
                self.clock.sleep(_REDELIVERY_SECONDS)
                self.queue.messages.append((body, 0))
        raise AssertionError("the queue does not become empty")

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
        from boatyard.api import Request

        data = msgspec.json.encode(body) if body is not None else b""
        headers = {"content-type": "application/json"}
        answer = self.deployment.api.handle(Request(method=method, path=path, query=query, headers=headers, body=data))
        return answer.status, msgspec.json.decode(answer.body) if answer.body else None


def order(**more: Any) -> dict[str, Any]:
    return {"spec": SPEC, "project": "ml", "domain": "dev", **more}


def numbered(number: int) -> dict[str, Any]:
    return order(spec={**SPEC, "layers": [{"pipPackages": {"packages": [f"six=={number}"]}}]})
