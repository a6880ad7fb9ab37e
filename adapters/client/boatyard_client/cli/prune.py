"""`boatyard prune [REPOSITORY]`."""

import re
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from boatyard_client.cli.output import json_option, note, print_json

if TYPE_CHECKING:
    from boatyard_client.pruning import Pruned

_SECONDS: Final = {"h": 3600, "d": 86_400, "w": 7 * 86_400}
_AGE: Final = re.compile(r"(\d{1,6})([hdw])\Z")


@click.command()
@click.argument("repository", default="")
@click.option(
    "--older-than", "age", default="30d", show_default=True, metavar="AGE", help="Such as 12h, 30d or 8w; 0h is all."
)
@click.option("--dry-run", is_flag=True, help="Say what would be removed.")
@click.option("--settings", type=click.Path(path_type=Path), metavar="FILE", help="The deployment's settings.")
@json_option
def prune(repository: str, age: str, dry_run: bool, settings: Path | None, as_json: bool) -> None:
    """Remove old layers that were kept for later builds from a registry.

    REPOSITORY is one that builds push to; by default cache.repository of the settings. It removes the tags prefix-…,
    wheels-… and facts-… that Boatyard made more than AGE ago, but no image, and nothing that an image needs. A build
    that looks for a removed one makes it again. It also removes the locks of images that were deleted. The registry
    frees the space in its next garbage collection.
    """
    from boatyard.reference import Repository
    from boatyard_client.errors import UsageError
    from boatyard_client.pruning import prune as run
    from boatyard_client.registries import registry_of
    from boatyard_client.settings_file import find_settings

    parts = _AGE.match(age)
    if not parts:
        raise UsageError(f"{age!r} is not an age such as 12h, 30d or 8w")
    found, _ = find_settings(settings)
    named = repository or found.cache.repository
    if not named:
        raise UsageError(
            "no repository is named, and the settings have no cache.repository",
            advice="Name one that images are pushed to: `boatyard prune ghcr.io/acme/hello`.",
        )
    with closing(registry_of(found)) as registry:
        pruned = run(
            registry.client,
            Repository.parse(named, field="REPOSITORY"),
            older_than=int(parts[1]) * _SECONDS[parts[2]],
            now=time.time(),
            dry_run=dry_run,
        )
    if as_json:
        print_json(pruned)
    else:
        _show(pruned)


def _show(pruned: "Pruned") -> None:
    from boatyard_client.display.text import printable

    for artifact in pruned.removed:
        click.echo(f"{printable(pruned.repository)}:{artifact.tag}  {artifact.size / 1e6:.1f} MB")
    if pruned.foreign:
        note(f"{pruned.foreign} tags look like Boatyard's, but are not, or have no date; they stay")
    if pruned.needed:
        note(f"{pruned.needed} are old, but another tag needs them; they stay")
    verb = "would be removed" if pruned.dry_run else "removed"
    if pruned.locks:
        click.echo(f"the locks of {len(pruned.locks)} deleted images {verb}")
    click.echo(f"{len(pruned.removed)} {verb}, {pruned.young} are younger")
