"""Decides which builds a function carries out itself. What needs a RUN goes to another build service, or is refused."""

from boatyard.errors import BoatyardError, Code
from boatyard.job_steps import maker_of, needs_run
from boatyard.order import Order
from boatyard.plan import Plan
from boatyard_serverless.builds.ledger import BucketLedger
from boatyard_serverless.inline.service import PREFIX, InlineBuilds
from boatyard_serverless.ports import BuildService, Execution, RawLog


def refuse_run(order: Order, plan: Plan) -> None:
    """Raises UNSUPPORTED for an order that needs a RUN, if the deployment has only its functions."""
    advice = (
        "and this deployment's functions run no commands of a build. Use an image that has been built elsewhere as "
        "the base, or ask the operator for a runner that builds with BuildKit (BOATYARD_INLINE_OTHER)"
    )
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


class InlineOrOther:
    """Implements BuildService: builds without a RUN are the function's, all others the other service's."""

    def __init__(self, inline: InlineBuilds, other: BuildService, ledger: BucketLedger) -> None:
        self._inline = inline
        self._other = other
        self._ledger = ledger

    def start(self, build_id: str, *, timeout_seconds: int) -> str:
        held = self._ledger.get(build_id)
        is_ours = held is not None and not needs_run(held.record.job)
        return (self._inline if is_ours else self._other).start(build_id, timeout_seconds=timeout_seconds)

    def look(self, execution: str) -> Execution | None:
        return self._of(execution).look(execution)

    def stop(self, execution: str) -> None:
        self._of(execution).stop(execution)

    def log(self, execution: str, cursor: str) -> RawLog | None:
        return self._of(execution).log(execution, cursor)

    def _of(self, execution: str) -> BuildService:
        return self._inline if execution.startswith(PREFIX) else self._other
