"""The complete system: the API with a Kubernetes runner, pods as processes, the real BuildKit and registry."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from boatyard.api.app import Api
from boatyard.api.handlers import DeploymentFacts
from boatyard.api.http import Request
from boatyard.memory import MemoryContextStore, MemoryDeploymentKey
from boatyard.service import Service
from boatyard.settings import Settings
from boatyard_kubernetes import KubernetesJobRunner, KubernetesSecretStore
from boatyard_local.clock import SystemClock
from boatyard_local.settings import load_settings
from boatyard_registry import OciRegistry
from tests.buildkit.engine import keychain
from tests.kubernetes.loopback.kubelet import ProcessKubelet
from tests.kubernetes.site import Site

ROOT = Path(__file__).parent.parent.parent
CONFIG = ROOT / ".boatyard/boatyard.toml"
IMAGE = "registry.test/builder:1"
BASE = "python:3.11-slim"


def real_settings(**kubernetes: Any) -> Settings:
    """The engine's settings; its buildx driver replaces an external buildkitd."""
    settings = load_settings(CONFIG, {})
    own = msgspec.convert({"builderImage": IMAGE, **kubernetes}, type(settings.kubernetes))
    return msgspec.structs.replace(settings, kubernetes=own)


class Whole:
    def __init__(self, root: Path, settings: Settings) -> None:
        self.root = root
        self.clock = SystemClock()
        self.site = Site(settings, clock=self.clock, ticking=True)
        self.kubelet = ProcessKubelet(self.site.cluster, root, images={IMAGE}, programs={"python": [sys.executable]})
        self.runner = KubernetesJobRunner(self.site.api, settings, self.clock, fresh_seconds=0.2)
        service = Service(
            settings,
            registry=OciRegistry(keychain=keychain(settings), insecure=settings.insecure_registries),
            runner=self.runner,
            contexts=MemoryContextStore(self.clock),
            secrets=KubernetesSecretStore(self.site.api, settings),
            deployment_key=MemoryDeploymentKey(),
            clock=self.clock,
        )
        self.api = Api(service, DeploymentFacts(cloud="kubernetes", runners=("kubernetes",)))

    def close(self) -> None:
        self.kubelet.close()
        self.site.close()

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
        headers = {"content-type": "application/json"} if body is not None else {}
        data = json.dumps(body).encode() if body is not None else b""
        response = self.api.handle(Request(method=method, path=path, query=query, headers=headers, body=data))
        return response.status, json.loads(response.body) if response.body else None

    def order(self, *layers: dict[str, Any], **more: Any) -> dict[str, Any]:
        """An order for an image that did not exist before."""
        unique = {"commands": {"cmd": [f"echo {time.time_ns()}"]}}
        spec = {"baseImage": BASE, "pythonVersion": "3.11", "layers": [unique, *layers]}
        return {"spec": spec, "target": {"name": "kubernetes"}, **more}

    def end(self, build_id: str, seconds: float = 120) -> Any:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            status, build = self.ask("GET", f"/v1/builds/{build_id}", wait="5")
            assert status == 200, build
            if build["state"] not in ("PENDING", "QUEUED", "RUNNING"):
                return build
        raise AssertionError(f"{build_id} did not end: {build}")

    def log(self, build_id: str) -> list[str]:
        lines: list[str] = []
        cursor = ""
        while True:
            status, page = self.ask("GET", f"/v1/builds/{build_id}/logs", cursor=cursor)
            assert status == 200, page
            lines += page["lines"]
            if page["done"] or page["cursor"] == cursor:
                return lines
            cursor = page["cursor"]
