"""Builds one image, from lowering to digest. Blocking: `builder` runs it in a thread."""

from collections.abc import Callable
from dataclasses import dataclass

from boatyard.api.messages import OrderRequest, PlanAnswer
from boatyard.spec import parse_spec, read_spec
from boatyard.target import Target
from boatyard_client.client import Client
from boatyard_client.endpoint import find_client_settings
from boatyard_client.packing import Contents, DockerIgnore, Packer
from boatyard_flyte import sdk
from boatyard_flyte.downloads import check
from boatyard_flyte.local_secrets import ensure_with_secrets, is_local
from boatyard_flyte.lowering import Lowered, lower
from boatyard_flyte.show import shown


@dataclass(frozen=True, kw_only=True)
class ImageRequest:
    image: sdk.Image
    force: bool = False
    wait: bool = True
    connect: Callable[[], Client] = Client


def build(request: ImageRequest) -> str | None:
    """Builds the image and returns `repo@sha256:…`, or None without waiting."""
    lowered = lower(request.image)
    with request.connect() as client, shown(lowered.name or "image") as view:
        check(lowered.downloads, local=is_local(client.endpoint))
        contents = contents_of(lowered)
        order = order_of(lowered, contents, force=request.force)
        outcome = ensure_with_secrets(client, lowered, order, contents, wait=request.wait, tell=view.event)
        view.finish(outcome)
    return outcome.image


def plan(request: ImageRequest) -> str:
    """Prints the plan and returns the target. Builds and uploads nothing."""
    lowered = lower(request.image)
    with request.connect() as client:
        check(lowered.downloads, local=is_local(client.endpoint))
        answer = client.plan(order_of(lowered, contents_of(lowered), force=request.force))
    _print(answer)
    return answer.target


def _print(plan: PlanAnswer) -> None:
    print(f"key: {plan.key}")
    print(f"target: {plan.target}")
    print(f"platforms: {', '.join(plan.platforms)}")
    for layer in plan.layers:
        print(f"layer {layer.index}: {layer.sdk_call}")
    print("\n" + plan.dockerfile.rstrip())


def order_of(lowered: Lowered, contents: Contents | None, *, force: bool) -> OrderRequest:
    """The order. Project and domain come from flyte.init, else the client's configuration, else the API's defaults."""
    settings = find_client_settings()
    project, domain = sdk.project_and_domain()
    defaults = OrderRequest(spec=read_spec(lowered.spec))
    return OrderRequest(
        spec=defaults.spec,
        context=contents.context if contents else None,
        target=Target(registry=lowered.registry, name=lowered.name),
        registry_secret=lowered.registry_secret.name if lowered.registry_secret else "",
        project=project or settings.project or defaults.project,
        domain=domain or settings.domain or defaults.domain,
        force=force,
    )


def contents_of(lowered: Lowered) -> Contents | None:
    """The context; None for an image without files."""
    packer = Packer()
    if lowered.dockerfile:
        folder = lowered.dockerfile.absolute().parent
        packer.add_build_context(folder, ignore=DockerIgnore.of_context(folder, lowered.dockerfile))
    for source in lowered.sources:
        source.add_to(packer)
    return packer.read_for(parse_spec(lowered.spec))
