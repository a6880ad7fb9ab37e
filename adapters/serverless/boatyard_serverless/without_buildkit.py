"""Refuses orders that need BuildKit, in deployments that have none."""

from typing import Final

from boatyard.needed_run import ELSEWHERE, needed_run
from boatyard.order import Order
from boatyard.plan import Plan

_INLINE: Final = (
    f"needs BuildKit, and this deployment's functions run no commands of a build. {ELSEWHERE} a runner that builds "
    "with BuildKit (BOATYARD_INLINE_OTHER)"
)
_CLUSTER: Final = (
    f"needs BuildKit, and this deployment's cluster runs none (kubernetes.runBuildkit). {ELSEWHERE} a buildkitd "
    "outside of the cluster (buildkitUri)"
)


def refuse_run(order: Order, plan: Plan) -> None:
    """Raises UNSUPPORTED for an order that needs a RUN, if the deployment has only its functions."""
    if needed := needed_run(order.spec):
        raise needed.refusal(_INLINE)


def refuse_run_in_cluster(order: Order, plan: Plan) -> None:
    """Raises UNSUPPORTED for an order that needs a RUN, if no pod of the cluster may run BuildKit."""
    if needed := needed_run(order.spec):
        raise needed.refusal(_CLUSTER)
