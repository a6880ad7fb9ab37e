"""`boatyard plan FILE`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from boatyard.api.messages import OrderRequest, PlanAnswer
from boatyard_client.cli.inputs import all_option, drafts_of, input_options, order_of, say_left_out
from boatyard_client.cli.output import json_option, note, print_json, scope_options, url_option
from boatyard_client.cli.planned import planned
from boatyard_client.endpoint import find_endpoint, is_loopback

if TYPE_CHECKING:
    from boatyard_client.packing import Contents
    from boatyard_client.planning import PlannedHere
    from boatyard_client.resolving import Expected


@click.command()
@click.argument("file")
@input_options
@all_option
@scope_options
@click.option("--settings", type=click.Path(path_type=Path), metavar="FILE", help="Plan here, with these settings.")
@click.option(
    "--resolve", is_flag=True, help="Also show the lock: which versions of packages the image has, or would get now."
)
@click.option("--offline", is_flag=True, help="Plan here, without calling a service.")
@url_option
@json_option
def plan(
    file: str,
    settings: Path | None,
    resolve: bool,
    offline: bool,
    url: str,
    as_json: bool,
    registry: str,
    name: str,
    **given: Any,
) -> None:
    """Show what would be built: key, target, Dockerfile, the key of each layer.

    Nothing is started or uploaded. The configured service makes the plan, with its settings. If none answers, this
    machine does, with the settings of boatyard.toml over those of .boatyard/boatyard.toml. If neither the settings nor
    --registry name a repository, the target is a placeholder below localhost/boatyard; no key depends on it. With
    isolation = project only the service can compute its keys, so a plan made here has others. With --all, --json prints
    one object per line for each image.

    With --resolve, an image that exists shows its recorded lock. For any other, uv resolves the layers of packages on
    this machine, against the base image and what the registry has of the layers; nothing is installed or pushed. What
    only a build can tell, because a layer runs a command or builds from source, is named.
    """
    scope = {name: given.pop(name) for name in ("project", "domain", "tags")}
    every = given.pop("every")
    endpoint = None if offline or settings else find_endpoint(url)
    for index, draft in enumerate(drafts_of(file, every=every, **given)):
        draft.check(local=endpoint is None or is_loopback(endpoint.url))
        contents = draft.read()
        say_left_out(contents)
        order = order_of(draft, contents, registry=registry, name=name, **scope)
        answer, origin, here = planned(order, endpoint, settings)
        lock = _expected(order, contents, answer, here, settings) if resolve else None
        if as_json:
            more: dict[str, Any] = _reservations(here) if here else {}
            if lock:
                more |= {"lock": lock.lock, "lockOf": lock.image, "unresolved": lock.unresolved}
            print_json({**msgspec.to_builtins(answer), "plannedBy": origin, **more, **draft.which(every)})
            continue
        if here and index == 0:
            _say_reservations(here)
        if every:
            click.echo(("" if index == 0 else "\n") + click.style(draft.image or file, bold=True, underline=True))
        _show(answer, order)
        if lock:
            _show_lock(lock, answer)


def _expected(
    order: OrderRequest,
    contents: "Contents | None",
    answer: PlanAnswer,
    here: "PlannedHere | None",
    settings: Path | None,
) -> "Expected":
    from boatyard_client.resolving import expected_lock
    from boatyard_client.settings_file import find_settings

    look = not (here and here.placeholder_target)
    return expected_lock(order, contents, answer.target, find_settings(settings)[0], look=look)


def _reservations(here: "PlannedHere") -> dict[str, bool]:
    said = {"placeholderTarget": here.placeholder_target, "keyWithoutService": not here.services_key}
    return {name: True for name, true in said.items() if true}


def _say_reservations(here: "PlannedHere") -> None:
    if here.placeholder_target:
        note("no repository is configured, so the target is a placeholder; give --registry, or run `boatyard serve`")
    if not here.services_key:
        note(
            "planned without the service: with isolation = project only the service can compute its keys and tags; "
            "compare this plan only with others that were made here"
        )


def _show(answer: PlanAnswer, order: OrderRequest) -> None:
    """Prints the service's answer without control characters."""
    from boatyard_client.display.text import printable

    rows = [
        ("key", answer.key),
        ("target", answer.target),
        ("platforms", ", ".join(answer.platforms)),
        ("base image", answer.base_image),
        ("stage", order.spec.target_stage),
        ("build args", ", ".join(f"{name}={value}" for name, value in order.spec.build_args.items())),
        *(("image", f"{image} → {pulled}") for image, pulled in answer.images.items() if pulled != image),
        ("secrets", ", ".join(answer.secrets)),
        *(("tag", tag) for tag in answer.tags),
    ]
    for label, value in rows:
        if value:
            click.echo(f"{click.style(f'{label:<11}', bold=True)} {printable(value)}")
    if answer.layers:
        click.echo(click.style("layers", bold=True))
    for layer in answer.layers:
        click.echo(f"  {layer.index:>2}  {printable(layer.key[:12])}  {printable(layer.sdk_call)}")
    click.echo(click.style("dockerfile", bold=True))
    for line in answer.dockerfile.rstrip("\n").split("\n"):
        click.echo(f"  {printable(line) if sys.stdout.isatty() else line}".rstrip())


def _show_lock(expected: "Expected", answer: PlanAnswer) -> None:
    from boatyard_client.display.text import printable

    origin = f"recorded with {expected.image}" if expected.image else "resolved now"
    click.echo(f"{click.style('lock', bold=True)}        {printable(origin)}")
    platforms = expected.lock.platforms if expected.lock else ()
    for each in platforms:
        where = f"{each.platform}  " if len(platforms) > 1 else ""
        for layer in each.layers:
            for package in layer.packages:
                click.echo(f"  {layer.layer:>2}  {where}{printable(f'{package.name} {package.version}')}")
            for name in layer.removed:
                click.echo(f"  {layer.layer:>2}  {where}{printable(name)} is removed")
    if not platforms:
        click.echo("  no layer is known to change packages")
    for left in expected.unresolved:
        title = answer.layers[left.layer].sdk_call if left.layer >= 0 else "the base image"
        click.echo(f"  only a build can tell what {printable(title)} installs or removes: {printable(left.reason)}")
