"""Refuses what would run commands on a platform whose commands the dataplane cannot run.

Layers of wheels, files and variables need none, so an image of them can be for every platform.
"""

from collections.abc import Sequence

from boatyard.errors import BoatyardError, Code
from boatyard.job import BuildJob
from boatyard.needed_run import ELSEWHERE, needed_by_settings, needed_run
from boatyard.settings import Settings
from boatyard.spec import ImageSpec


def check_platforms(spec: ImageSpec, platforms: Sequence[str], settings: Settings) -> None:
    """Raises UNSUPPORTED if a step is known to run commands on a platform that the settings do not have."""
    foreign = [platform for platform in platforms if platform not in settings.platforms]
    if foreign and (needed := needed_run(spec) or needed_by_settings(settings)):
        raise needed.refusal(f"needs commands on {', '.join(foreign)}, {_only(settings.platforms)}")


def check_runs(job: BuildJob, platform: str, what: str) -> None:
    """Raises UNSUPPORTED if `what` runs commands, as the job has found, on a platform that the dataplane lacks."""
    if not job.runs(platform):
        detail = f"{what} needs commands on {platform}, {_only(job.runs_on or ())}"
        raise BoatyardError(Code.UNSUPPORTED, detail)


def _only(runs_on: Sequence[str]) -> str:
    return (
        f"and this deployment runs commands on {', '.join(runs_on) or 'no platform'} only. Packages that have wheels, "
        f"files and variables need none. {ELSEWHERE} emulation (binfmt with qemu) or a builder of that architecture, "
        "which the setting `platforms` then names"
    )
