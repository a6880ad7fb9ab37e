"""Drivers for BuildKit. Each converts a Solve into one command line; the rest of the job is the same."""

from boatyard_buildkit.access import BuilderAccess
from boatyard_buildkit.drivers.absent import NoBuildkit
from boatyard_buildkit.drivers.buildctl import Buildctl
from boatyard_buildkit.drivers.buildx import Buildx
from boatyard_buildkit.drivers.driver import Driver

__all__ = ["Driver", "choose"]


def choose(access: BuilderAccess) -> Driver:
    """buildx for a Docker engine, buildctl for a buildkitd, and neither where there is no BuildKit."""
    if access.absent:
        return NoBuildkit()
    if access.buildkit.driver == "buildx":
        return Buildx(access.buildkit)
    return Buildctl(access.buildkit, access.buildkit_uri)
