"""The entry point of `boatyard doctor --cluster`, which runs an examination for a command line."""

import time
from collections.abc import Callable
from typing import Final

from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.authentication_v1 import SelfSubjectReview

from boatyard.cluster_doctor import ClusterRequest, Diagnosis, NotExamined
from boatyard.errors import BoatyardError
from boatyard.finding import Finding, fail, ok
from boatyard_kubernetes.cluster import Cluster, connect
from boatyard_kubernetes.doctor.configured import find_settings
from boatyard_kubernetes.doctor.examination import Examination
from boatyard_kubernetes.doctor.kubeconfig import find_config
from boatyard_kubernetes.doctor.prospects import first_advice
from boatyard_kubernetes.doctor.rights import Person
from boatyard_kubernetes.refusals import Absent
from boatyard_kubernetes.runner import KubernetesJobRunner
from boatyard_kubernetes.topology import Topology

_BEYOND_START: Final = 120
"""Seconds of a probe beyond the start of a build, enough for the runner to report why it does not start, and to push an
image."""


class _SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def examine_cluster(
    request: ClusterRequest,
    *,
    found: Callable[[Finding], None],
    waiting: Callable[[str], None],
    pause: Callable[[float], None] = time.sleep,
) -> Diagnosis:
    """A `boatyard.cluster_doctor.ClusterDoctor`."""
    config = find_config(request.kubeconfig, request.context)
    try:
        cluster = connect(config)
        me = _who_am_i(cluster)
        configured = find_settings(cluster, request)
        settings = configured.settings
        examination = Examination(
            cluster,
            settings,
            request.scope,
            wait_seconds=request.wait_seconds or settings.kubernetes.start_seconds + _BEYOND_START,
            base_image=request.base_image,
            found=found,
            waiting=waiting,
            pause=pause,
        )
        problem = settings.cluster_problem if settings.enabled else "enabled is false"
        way = "Set layers: registry, and no attestations." if settings.enabled else "Set enabled: true."
        examination.begin(
            ok("cluster", f"{config.cluster.server} knows you as {me}"),
            ok(
                "settings",
                f"{configured.origin}: {'no' if examination.chosen is Topology.NONE else examination.chosen} BuildKit",
            )
            if not problem
            else fail("settings", f"{configured.origin}: {problem}", way),
        )
        named = Person(request.function_user, request.function_groups)
        examination.run(
            me=me,
            function=named if any(named) else None,
            runner=KubernetesJobRunner(cluster, settings, _SystemClock(), fresh_seconds=0) if request.push else None,
        )
    except BoatyardError as error:
        raise NotExamined(error.detail, "") from None
    prospects = examination.prospects()
    return Diagnosis(
        cluster=config.cluster.server,
        context=config.context_name,
        user=me,
        namespace=examination.namespace,
        settings=configured.origin,
        checks=tuple(examination.findings),
        topologies=prospects,
        advice=first_advice(prospects),
    )


def _who_am_i(cluster: Cluster) -> str:
    """The user's name. Every authenticated user may ask for it (system:basic-user, Kubernetes 1.28)."""
    try:
        review = cluster.create(SelfSubjectReview(metadata=ObjectMeta()), None)
    except Absent:
        raise NotExamined("the cluster is older than Kubernetes 1.28", "Boatyard needs 1.30 or newer.") from None
    except BoatyardError as error:
        raise NotExamined(error.detail, "See that `kubectl get namespaces` works with the same kubeconfig.") from None
    except (OSError, LookupError, ValueError) as error:  # a missing credential plugin of the kubeconfig
        why = " ".join(str(error).split())
        advice = "See that `kubectl get namespaces` works with the same kubeconfig."
        raise NotExamined(f"the kubeconfig's credentials cannot be made: {why}", advice) from None
    return (review.status and review.status.userInfo and review.status.userInfo.username) or "nobody"
