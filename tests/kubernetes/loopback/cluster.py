"""Combines the parts into one cluster."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from lightkube.config.kubeconfig import KubeConfig
from lightkube.config.models import Cluster as ClusterModel
from lightkube.config.models import User as UserModel

from tests.kubernetes.loopback.api import Api
from tests.kubernetes.loopback.collectors import collect_garbage, give_default_accounts, remove_finished
from tests.kubernetes.loopback.events import Events
from tests.kubernetes.loopback.http import Server
from tests.kubernetes.loopback.job_controller import JobController
from tests.kubernetes.loopback.node import Node
from tests.kubernetes.loopback.pod_logs import PodLogs
from tests.kubernetes.loopback.rbac import ADMIN, Authorizer, User
from tests.kubernetes.loopback.resources import BY_KIND, Target
from tests.kubernetes.loopback.store import Object, Store

ADMIN_TOKEN = "admin-token"


class LoopbackCluster:
    """Controllers run after every write, so a request's effects exist when it is answered. With `ticking` they also run
    periodically, for deadlines and TTLs in real time."""

    def __init__(self, now: Callable[[], float] = time.time, *, ticking: bool = False) -> None:
        self.store = Store(now)
        self.events = Events(self.store)
        self.node = Node(self.store, self.events)
        self.logs = PodLogs(self.store)
        self.authorizer = Authorizer(self.store)
        self.api = Api(self.store, self.authorizer, self.settle)
        self.users: dict[str, User] = {ADMIN_TOKEN: ADMIN}
        self._jobs = JobController(self.store, self.events)
        self._settling = False
        self.kubelet: Callable[[], None] | None = None
        """Called after the controllers, to look for pods that are its own."""
        self.server = Server(self.api, self.users.get, self.logs.read)
        self._closed = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True) if ticking else None
        if self._ticker:
            self._ticker.start()

    def close(self) -> None:
        self._closed.set()
        if self._ticker:
            self._ticker.join()
        self.server.close()

    def settle(self) -> None:
        """Runs the controllers until nothing changes any more."""
        with self.store.lock:
            if self._settling:
                return
            self._settling = True
            try:
                before = -1
                while before != self.store.version:
                    before = self.store.version
                    collect_garbage(self.store)
                    give_default_accounts(self.store)
                    self._jobs.sync()
                    remove_finished(self.store)
                    if self.kubelet:
                        self.kubelet()
            finally:
                self._settling = False

    @contextmanager
    def controllers_late(self) -> Iterator[None]:
        """Stops the controllers meanwhile, as in a busy cluster."""
        with self.store.lock:
            self._settling = True
        try:
            yield
        finally:
            self._settling = False
        self.settle()

    def kubeconfig(self, token: str = ADMIN_TOKEN) -> KubeConfig:
        return KubeConfig.from_one(cluster=ClusterModel(server=self.server.url), user=UserModel(token=token))

    def kubeconfig_file(self, path: Path, token: str = ADMIN_TOKEN) -> Path:
        """Writes a file for programs that read KUBECONFIG."""
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "loopback",
            "clusters": [{"name": "loopback", "cluster": {"server": self.server.url}}],
            "users": [{"name": "loopback", "user": {"token": token}}],
            "contexts": [{"name": "loopback", "context": {"cluster": "loopback", "user": "loopback"}}],
        }
        path.write_text(yaml.safe_dump(document), encoding="utf-8")
        return path

    def apply(self, *objects: dict[str, Any]) -> None:
        """Applies an object as an administrator; creates it if it is missing."""
        for obj in objects:
            resource = BY_KIND[obj["apiVersion"], obj["kind"]]
            target = Target(resource, obj["metadata"].get("namespace", ""), "", "")
            self.api.create(ADMIN, target, dict(obj), {})

    def namespace(self, name: str, *, level: str = "privileged", accounts: tuple[str, ...] = ("default",)) -> None:
        labels = {"pod-security.kubernetes.io/enforce": level}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        for account in accounts:
            if account == "default":
                continue  # the controller's to make
            metadata = {"name": account, "namespace": name}
            self.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})

    def objects(self, kind: str, namespace: str | None = None) -> list[Object]:
        resource = next(r for r in BY_KIND.values() if r.kind == kind)
        return self.store.find(resource, namespace)

    def _tick(self) -> None:
        while not self._closed.wait(0.25):
            self.settle()
