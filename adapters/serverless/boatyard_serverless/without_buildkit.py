"""Refuses orders that need BuildKit, in deployments that have none."""

from typing import Final

from boatyard.errors import BoatyardError, Code
from boatyard.job_steps import maker_of
from boatyard.order import Order
from boatyard.plan import Plan

_ELSEWHERE: Final = "Use an image that has been built elsewhere as the base, or ask the operator for"
_INLINE: Final = (
    f"and this deployment's functions run no commands of a build. {_ELSEWHERE} a runner that builds with BuildKit "
    "(BOATYARD_INLINE_OTHER)"
)
_CLUSTER: Final = (
    f"and this deployment's cluster runs none (kubernetes.runBuildkit). {_ELSEWHERE} a buildkitd outside of the "
    "cluster (buildkitUri)"
)


def refuse_run(order: Order, plan: Plan) -> None:
    """Raises UNSUPPORTED for an order that needs a RUN, if the deployment has only its functions."""
    _refuse(order, plan, _INLINE)


def refuse_run_in_cluster(order: Order, plan: Plan) -> None:
    """Raises UNSUPPORTED for an order that needs a RUN, if no pod of the cluster may run BuildKit."""
    _refuse(order, plan, _CLUSTER)


def _refuse(order: Order, plan: Plan, advice: str) -> None:
    if order.spec.dockerfile:
        raise BoatyardError(Code.UNSUPPORTED, f"a Dockerfile needs BuildKit, {advice}", field="spec.dockerfile")
    for planned in plan.layers:
        if maker_of(order.spec.layers[planned.index]) == "run":
            raise BoatyardError(
                Code.UNSUPPORTED,
                f"layer {planned.index}, {planned.sdk_call or planned.kind}, needs BuildKit, {advice}",
                field=f"spec.layers[{planned.index}]",
                layer_index=planned.index,
            )
