"""The developer's cluster, with the methods of `LoopbackCluster` that `ManualNode` and kubelets use."""

import contextlib
import secrets
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lightkube.config.kubeconfig import KubeConfig
from lightkube.config.models import User as UserModel

from tests.kubernetes.loopback.events import Events
from tests.kubernetes.loopback.job_controller import PODS
from tests.kubernetes.loopback.pod_logs import PodLogs
from tests.kubernetes.loopback.resources import BY_KIND, BY_PATH
from tests.kubernetes.loopback.status import Refused
from tests.kubernetes.loopback.store import Object
from tests.kubernetes.real import KUBECONFIG, NODE_ADDRESS
from tests.kubernetes.real.node import LogEndpoint, PlayedNode
from tests.kubernetes.real.store import ApiStore, path

NAMESPACES = BY_PATH["", "v1", "namespaces"]
ACCOUNTS = BY_PATH["", "v1", "serviceaccounts"]


class RealCluster:
    """Everything that it creates has `run` in its name; `close` deletes it."""

    def __init__(self) -> None:
        self.run = f"boatyard-test-{secrets.token_hex(3)}"
        self._config = KubeConfig.from_file(KUBECONFIG).get()
        assert self._config is not None, f"{KUBECONFIG} has no current context"
        self.store = ApiStore(self._config)
        self.events = Events(self.store)  # type: ignore[arg-type]
        self.logs = PodLogs(self.store)  # type: ignore[arg-type]
        self._folder = tempfile.TemporaryDirectory(prefix="boatyard-node-")
        self.endpoint = LogEndpoint(self.logs, NODE_ADDRESS, Path(self._folder.name))
        self.node = PlayedNode(self.store, self.events, self.run, NODE_ADDRESS, self.endpoint.port)
        self.kubelet: Callable[[], None] | None = None
        """Called a few times a second, to look for pods that are its own."""
        self._made: list[tuple[Any, str]] = []
        self._closed = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)
        self._ticker.start()

    def close(self) -> None:
        self._closed.set()
        self._ticker.join()
        for pod in self.store.find(PODS):
            with contextlib.suppress(Refused):
                self.node.gone(pod)
        for resource, name in reversed(self._made):
            with contextlib.suppress(Refused):
                self.store.ask("DELETE", path(resource, "", name), {"propagationPolicy": "Background"})
        self.node.close()
        self.endpoint.close()
        self.store.close()
        self._folder.cleanup()

    def namespace(self, name: str, *, level: str = "privileged") -> None:
        """Creates a namespace and waits for its default service account, without which no pod is admitted."""
        labels = {"pod-security.kubernetes.io/enforce": level}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        self.until(lambda: self._there(ACCOUNTS, name, "default"))

    def apply(self, *objects: Object) -> None:
        for obj in objects:
            resource = BY_KIND[obj["apiVersion"], obj["kind"]]
            self.store.add(resource, obj)
            if not resource.namespaced:
                self._made.append((resource, obj["metadata"]["name"]))
            if resource is NAMESPACES:
                self.store.namespaces.append(obj["metadata"]["name"])

    def objects(self, kind: str, namespace: str | None = None) -> list[Object]:
        resource = next(r for r in BY_KIND.values() if r.kind == kind)
        return self.store.find(resource, namespace)

    def kubeconfig(self, namespace: str, account: str) -> KubeConfig:
        """A kubeconfig for a service account, with a token of the API server that is valid for ten minutes."""
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
        made = self.store.ask("POST", path(ACCOUNTS, namespace, account, "token"), asked)
        assert self._config is not None
        return KubeConfig.from_one(cluster=self._config.cluster, user=UserModel(token=made["status"]["token"]))

    def settle(self) -> None:
        """Does nothing: controllers run in their own time, and tests wait for them with `until`."""

    def until(self, true: Callable[[], Any], seconds: float = 30.0) -> Any:
        deadline = time.monotonic() + seconds
        while not (value := true()):
            assert time.monotonic() < deadline, "the cluster did not do it in time"
            time.sleep(0.05)
        return value

    def _there(self, resource: Any, namespace: str, name: str) -> bool:
        try:
            return bool(self.store.get(resource, namespace, name))
        except Refused:
            return False

    def _tick(self) -> None:
        while not self._closed.wait(0.2):
            if self.kubelet:
                with contextlib.suppress(Refused):  # changed or gone meanwhile: the next tick sees
                    self.kubelet()
