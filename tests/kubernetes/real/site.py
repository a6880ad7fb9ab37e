"""The equivalent of `tests.kubernetes.site`: a runner with only the permissions of its Role."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from boatyard.memory import ManualClock
from boatyard.ports import Clock
from boatyard.settings import Settings
from boatyard_kubernetes import Cluster, KubernetesJobRunner, connect
from boatyard_kubernetes.access import function_access
from tests.kubernetes.loopback.manual_node import ManualNode
from tests.kubernetes.loopback.store import Object
from tests.kubernetes.real.cluster import RealCluster
from tests.kubernetes.site import FUNCTION, settings


class RealNode(ManualNode):
    """Waits for a real Job controller, which runs in its own time."""

    cluster: Any

    def pod(self, job: str) -> Object:
        def live() -> list[Object]:
            return [
                p
                for p in self.pods(job)
                if p["status"]["phase"] in ("Pending", "Running") and not p["metadata"].get("deletionTimestamp")
            ]

        return self.cluster.until(live)[-1]  # type: ignore[no-any-return]


class RealSite:
    def __init__(self, chosen: Settings | None = None, *, clock: Clock | None = None, wide: bool = False) -> None:
        self.cluster = RealCluster()
        try:
            self._set_up(chosen, clock, wide)
        except BaseException:
            self.cluster.close()  # it is somebody's: nothing is left there
            raise

    def _set_up(self, chosen: Settings | None, clock: Clock | None, wide: bool) -> None:
        run = self.cluster.run
        self.clock = clock or ManualClock(self.cluster.store.now())
        self.home = run
        self.namespace = f"{run}-default-development"
        template = run + "-{project}-{domain}" if wide else self.namespace
        chosen = chosen or settings()
        kubernetes = msgspec.structs.replace(chosen.kubernetes, namespace_template=template)
        self.settings = msgspec.structs.replace(chosen, kubernetes=kubernetes)
        self.cluster.namespace(self.home)
        self.cluster.namespace(self.namespace)
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": FUNCTION, "namespace": run}}
        self.cluster.apply(account, *self.access(self.namespace))
        self.api = self.connect()
        self.runner = KubernetesJobRunner(self.api, self.settings, self.clock, fresh_seconds=0)

    def access(self, *namespaces: str) -> list[Object]:
        """The function's Roles from the manifests; cluster-wide objects have this run's name."""
        subject = {"kind": "ServiceAccount", "name": FUNCTION, "namespace": self.home}
        made = [obj.to_dict() for obj in function_access(self.settings, subject, namespaces)]  # type: ignore[attr-defined]
        for obj in made:
            if obj["kind"].startswith("Cluster"):
                obj["metadata"]["name"] = self.cluster.run
                if "roleRef" in obj:
                    obj["roleRef"]["name"] = self.cluster.run
        return made

    def connect(self, account: str = FUNCTION) -> Cluster:
        return connect(self.cluster.kubeconfig(self.home, account))

    def close(self) -> None:
        self.cluster.close()


@contextmanager
def real_site(chosen: Settings | None = None, **options: Any) -> Iterator[tuple[RealSite, RealNode]]:
    made = RealSite(chosen, **options)
    try:
        yield made, RealNode(made.cluster)  # type: ignore[arg-type]
    finally:
        made.close()
