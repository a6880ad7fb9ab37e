"""`boatyard doctor`."""

import sys
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from boatyard_client.cli.findings import show
from boatyard_client.cli.output import json_option, print_json, scope_options, url_option

_BASE_IMAGE = f"python:{sys.version_info.major}.{sys.version_info.minor}-slim"
"""flyte's own base images have the Python version that runs the SDK."""
_OF_CLUSTER = ("project", "domain", "context", "kubeconfig", "function_user", "function_groups", "push", "wait_seconds")
_OF_HERE = ("url",)


@click.command()
@click.option("--base-image", default=_BASE_IMAGE, show_default=True, help="The base image to look up, or to build on.")
@click.option("--settings", type=click.Path(path_type=Path), metavar="FILE", help="Settings to check.")
@url_option
@click.option("--cluster", is_flag=True, help="Check the Kubernetes cluster that builds run in instead.")
@scope_options
@click.option("--context", default="", metavar="NAME", help="With --cluster: context of the kubeconfig.")
@click.option("--kubeconfig", default="", metavar="FILE", help="With --cluster: by default the one that kubectl reads.")
@click.option(
    "--as", "function_user", default="", metavar="USER", help="With --cluster: the user that the function is there."
)
@click.option(
    "--as-group", "function_groups", multiple=True, metavar="GROUP", help="With --cluster: a group of that user."
)
@click.option("--push/--no-push", default=True, help="With --cluster: whether to build and push an image.")
@click.option(
    "--wait",
    "wait_seconds",
    type=click.FloatRange(1, 3600),
    metavar="SECONDS",
    help="With --cluster: how long each probe may take, image pull included; by default longer than a build may wait.",
)
@json_option
@click.pass_context
def doctor(
    ctx: click.Context, /, base_image: str, settings: Path | None, url: str, cluster: bool, as_json: bool, **given: Any
) -> None:
    """Check that images can be built, and advise what to fix.

    Works with and without a running server. Exit code 1 if anything fails.

    With --cluster, it uses your kubeconfig (in a pod, the pod's service account) and the settings of the cluster's
    ConfigMap, unless --settings names a file. It runs up to three pods for a second, builds and pushes a small image,
    and deletes their Jobs afterwards, also after Ctrl-C. Exit code 0 only if builds will work.
    """
    _refuse(ctx, _OF_HERE if cluster else _OF_CLUSTER, "does not go with" if cluster else "needs")
    if cluster:
        from boatyard_client.cli.doctor_cluster import examine_cluster
        from boatyard_client.doctor.cluster import request

        sys.exit(examine_cluster(request(settings=settings, base_image=base_image, **given), as_json=as_json))
    _here(base_image, settings, url, as_json)


def _here(base_image: str, settings: Path | None, url: str, as_json: bool) -> None:
    from boatyard.finding import Level
    from boatyard_client.doctor import examine
    from boatyard_client.endpoint import find_endpoint
    from boatyard_client.settings_file import find_settings

    found, files = find_settings(settings)
    findings = []
    for finding in examine(find_endpoint(url), found, files, base_image):
        findings.append(finding)
        if not as_json:
            show(finding, width=10)
    failed = any(finding.status is Level.FAIL for finding in findings)
    if as_json:
        print_json({"ok": not failed, "checks": findings})
    sys.exit(1 if failed else 0)


def _refuse(ctx: click.Context, names: tuple[str, ...], verb: str) -> None:
    """Refuses options that would have no effect."""
    for parameter in ctx.command.params:
        if parameter.name in names and ctx.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{parameter.opts[0]} {verb} --cluster", ctx)
