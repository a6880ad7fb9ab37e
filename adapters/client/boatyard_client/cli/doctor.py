"""`boatyard doctor`."""

import sys
from pathlib import Path

import click

from boatyard_client.cli.output import json_option, print_json, url_option

_BASE_IMAGE = f"python:{sys.version_info.major}.{sys.version_info.minor}-slim"
"""flyte's own base images are of the Python that runs the SDK."""
_MARKS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red")}


@click.command()
@click.option("--base-image", default=_BASE_IMAGE, show_default=True, help="The base image to look up.")
@click.option("--settings", type=click.Path(path_type=Path), metavar="FILE", help="Settings to check.")
@url_option
@json_option
def doctor(base_image: str, settings: Path | None, url: str, as_json: bool) -> None:
    """Check that images can be built, and say what to do where not.

    Works with and without a running server. Exit code 1 if anything fails.
    """
    from boatyard_client.doctor import Level, examine
    from boatyard_client.endpoint import find_endpoint
    from boatyard_client.settings_file import find_settings

    found, files = find_settings(settings)
    findings = []
    for finding in examine(find_endpoint(url), found, files, base_image):
        findings.append(finding)
        if not as_json:
            mark, colour = _MARKS[finding.status]
            click.echo(f"{click.style(mark, fg=colour)} {finding.check:<10}  {finding.detail}")
            if finding.advice:
                click.echo(f"  {'':<10}  → {finding.advice}")
    failed = any(finding.status is Level.FAIL for finding in findings)
    if as_json:
        print_json({"ok": not failed, "checks": findings})
    sys.exit(1 if failed else 0)
