"""A dry run's plan, on stdout."""

from boatyard.api.messages import PlanAnswer


def printed(plan: PlanAnswer) -> None:
    print(f"key: {plan.key}")
    print(f"target: {plan.target}")
    print(f"platforms: {', '.join(plan.platforms)}")
    for layer in plan.layers:
        print(f"layer {layer.index}: {layer.sdk_call}")
    print("\n" + plan.dockerfile.rstrip())
