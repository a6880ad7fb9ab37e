"""Lets a test play the containers of pods on a node."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.kubernetes.loopback.cluster import LoopbackCluster
from tests.kubernetes.loopback.job_controller import PODS
from tests.kubernetes.loopback.store import Object


class ManualNode:
    """A node on which the test starts and ends pods. A deleted pod ends as soon as the node sees it."""

    def __init__(self, cluster: LoopbackCluster, container: str = "build") -> None:
        self.cluster = cluster
        self._container = container
        cluster.kubelet = self._sync

    def pod(self, job: str) -> Object:
        """The pod of a Job that has not ended."""
        live = [p for p in self.pods(job) if p["status"]["phase"] in ("Pending", "Running")]
        assert live, f"{job} has no pod"
        return live[-1]

    def pods(self, job: str) -> list[Object]:
        label = "batch.kubernetes.io/job-name"
        return [p for p in self.cluster.store.find(PODS) if p["metadata"]["labels"].get(label) == job]

    def start(self, job: str) -> None:
        with self.cluster.store.lock:
            pod = self.pod(job)
            self.cluster.node.bind(pod)
            self.cluster.node.running(pod, self._container)
        self.cluster.settle()

    def log(self, job: str, *lines: str, at: int | None = None) -> None:
        live = [p for p in self.pods(job) if p["status"]["phase"] in ("Pending", "Running")]
        uid = (live or self.pods(job))[-1]["metadata"]["uid"]
        self.cluster.logs.write(uid, self._container, *(line.encode() for line in lines), at=at)

    def end(self, job: str, code: int, message: str = "", *, reason: str = "") -> None:
        self.cluster.node.terminated(self.pod(job), self._container, code, reason=reason, message=message)
        self.cluster.settle()

    @contextmanager
    def deaf(self) -> Iterator[None]:
        """Deleted pods stay meanwhile, like pods whose processes ignore SIGTERM."""
        kubelet, self.cluster.kubelet = self.cluster.kubelet, None
        try:
            yield
        finally:
            self.cluster.kubelet = kubelet

    def do(self, action: str, job: str, *args: Any, **options: Any) -> None:
        """Calls a method of Node for the Job's pod."""
        getattr(self.cluster.node, action)(self.pod(job), *args, **options)
        self.cluster.settle()

    def _sync(self) -> None:
        for pod in self.cluster.store.find(PODS):
            if pod["metadata"].get("deletionTimestamp"):
                self.cluster.node.gone(pod)
