"""A loopback cluster, and a runner with only the permissions of its Role."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from boatyard.errors import BoatyardError
from boatyard.memory import ManualClock
from boatyard.ports import Clock
from boatyard.settings import Limits, Settings
from boatyard_kubernetes import Cluster, KubernetesJobRunner, connect
from tests.kubernetes.loopback import LoopbackCluster
from tests.kubernetes.loopback.manual_node import ManualNode
from tests.kubernetes.loopback.rbac import service_account
from tests.kubernetes.loopback.status import Refused
from tests.local.jobs import job, tag

NAMESPACE = "default-development"
HOME = "boatyard"
FUNCTION = "boatyard-function"
TOKEN = "function-token"


def settings(**kubernetes: Any) -> Settings:
    """Settings for daemonless builds, with changes."""
    own = {"builderImage": "registry.test/builder:1", **kubernetes}
    return msgspec.convert({"buildkit": {"enabled": False}, "kubernetes": own}, Settings)


class Site:
    """One loopback cluster with a namespace, the function's user, and what it may do."""

    def __init__(
        self,
        chosen: Settings | None = None,
        *,
        clock: Clock | None = None,
        ticking: bool = False,
        namespaces: tuple[str, ...] = (NAMESPACE,),
    ) -> None:
        from boatyard_kubernetes.access import function_access

        self.clock = clock or ManualClock()
        self.settings = chosen or settings()
        self.cluster = LoopbackCluster(self.clock.now, ticking=ticking)
        self.cluster.namespace(HOME)
        for namespace in namespaces:
            self.cluster.namespace(namespace)
        subject = {"kind": "ServiceAccount", "name": FUNCTION, "namespace": HOME}
        self.cluster.users[TOKEN] = service_account(HOME, FUNCTION)
        self.cluster.apply(*(obj.to_dict() for obj in function_access(self.settings, subject, namespaces)))
        self.api = self.connect()
        self.runner = self.another_runner()

    def another_runner(self) -> KubernetesJobRunner:
        """A runner as another instance of the function has it."""
        return KubernetesJobRunner(self.connect(), self.settings, self.clock, fresh_seconds=0, pause=lambda _: None)

    def connect(self, token: str = TOKEN) -> Cluster:
        return connect(self.cluster.kubeconfig(token))

    def close(self) -> None:
        self.cluster.close()


@contextmanager
def site(chosen: Settings | None = None, **options: Any) -> Iterator[tuple[Site, ManualNode]]:
    made = Site(chosen, **options)
    try:
        yield made, ManualNode(made.cluster)
    finally:
        made.close()


def limited(chosen: Settings, limits: Limits) -> Settings:
    return msgspec.structs.replace(chosen, limits=limits)


def dying(made: Site, method: str, path: str) -> None:
    """Makes the function die just before its request `method` to `path`."""

    def fault(asked: str, where: str) -> Refused | None:
        return Refused(500, "died") if asked == method and path in where else None

    made.cluster.server.fault = fault
    with pytest.raises(BoatyardError) as refused:
        made.runner.ensure(job(), tag(), force=False)
    assert refused.value.code == "DATAPLANE_UNAVAILABLE" and refused.value.meaning.retryable
    made.cluster.server.fault = None
