"""The loopback store's methods for a real API server, as its administrator."""

import threading
import time
from collections.abc import Callable
from typing import Any

import httpx2
from lightkube.config.client_adapter import ConnectionParams
from lightkube.config.kubeconfig import SingleConfig

from tests.kubernetes.loopback.resources import Resource
from tests.kubernetes.loopback.status import Refused
from tests.kubernetes.loopback.store import Object, rfc3339

_TRIES = 20


class ApiStore:
    """Without a namespace, `find` looks only into `namespaces`, which the tests created."""

    def __init__(self, config: SingleConfig) -> None:
        self.now = time.time
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.namespaces: list[str] = []
        self._http = httpx2.Client(**ConnectionParams(timeout=httpx2.Timeout(60)).httpx_params(config))

    def close(self) -> None:
        self._http.close()

    def time(self) -> str:
        return rfc3339(self.now())

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        return self.ask("GET", path(resource, namespace, name))

    def find(self, resource: Resource, namespace: str | None = None) -> list[Object]:
        found: list[Object] = []
        for where in (namespace,) if namespace else tuple(self.namespaces) if resource.namespaced else ("",):
            items = self.ask("GET", path(resource, where, ""))["items"]
            found += [{**item, "apiVersion": resource.api_version, "kind": resource.kind} for item in items]
        return found

    def add(self, resource: Resource, obj: Object) -> Object:
        return self.ask("POST", path(resource, obj["metadata"].get("namespace", ""), ""), obj)

    def replace(self, resource: Resource, obj: Object, sub: str = "") -> Object:
        metadata = obj["metadata"]
        return self.ask("PUT", path(resource, metadata.get("namespace", ""), metadata["name"], sub), obj)

    def change(self, resource: Resource, namespace: str, name: str, change: Callable[[Object], None]) -> Object:
        """Changes a pod's status, the only part that a kubelet changes."""
        for _ in range(_TRIES):
            obj = self.get(resource, namespace, name)
            change(obj)
            try:
                return self.replace(resource, obj, "status" if resource.plural == "pods" else "")
            except Refused as refused:
                if refused.code != 409:
                    raise
        raise AssertionError(f"{resource.full} {name} changes all the time")

    def remove(self, resource: Resource, namespace: str, name: str) -> Object:
        """Deletes immediately, as a kubelet does when a pod's processes have ended."""
        return self.ask("DELETE", path(resource, namespace, name) + "?gracePeriodSeconds=0")

    def ask(self, method: str, where: str, body: Any = None, kind: str = "application/json") -> Any:
        headers = {"content-type": kind} if body is not None else {}
        response = self._http.request(method, where, json=body, headers=headers)
        if response.is_success:
            return response.json()
        try:
            status = response.json()
        except ValueError:
            status = {"message": response.text}
        raise Refused(response.status_code, status.get("message", ""), reason=status.get("reason") or "Unknown")


def path(resource: Resource, namespace: str, name: str, sub: str = "") -> str:
    parts = ["/apis" if resource.group else "/api", resource.api_version]
    if resource.namespaced:
        parts += ["namespaces", namespace]
    return "/".join([*parts, resource.plural, *(part for part in (name, sub) if part)])
