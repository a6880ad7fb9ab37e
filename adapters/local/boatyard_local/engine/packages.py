"""Unpacks Docker, containerd, runc and a registry from Debian's packages, without installing them.

Debian 12's docker.io is too old (BuildKit 0.8, no buildx). Debian 13's needs only libc >= 2.34 and works with Debian
12's containerd and runc; Debian 13's runc needs libc 2.38, so it does not run on Debian 12.
"""

import os
import shutil
from pathlib import Path
from typing import Final, NamedTuple

from boatyard_local.engine import apt, debian
from boatyard_local.engine.command import ChildProcesses
from boatyard_local.engine.debian import AptSource, Release
from boatyard_local.engine.layout import Layout

_DOCKER_RELEASE: Final = "trixie"
_DOCKER: Final = ("docker.io", "docker-cli", "docker-buildx")
_OWN: Final = ("containerd", "runc", "docker-registry")
_SUPPORTED: Final = ("bookworm", "trixie")


class Debian(NamedTuple):
    """A machine on which packages can be unpacked and run."""

    release: Release
    sources: tuple[AptSource, ...]
    archive: AptSource


def this_debian(root: Path = Path("/"), user: int | None = None) -> Debian | str:
    """The machine, or the reason why its packages are unusable, as the end of a sentence."""
    release = debian.this_release(root)
    if release.distribution != "debian" or release.codename not in _SUPPORTED:
        return "this is not Debian 12 or 13"
    if (os.geteuid() if user is None else user) != 0:
        return "only root can run an engine that is unpacked from Debian's packages"
    missing = [name for name in ("apt-get", "dpkg-deb") if shutil.which(name) is None]
    if missing:
        return f"{missing[0]} is missing"
    sources = debian.this_sources(release.codename, root)
    archive = debian.archive(sources, release.codename)
    if archive is None:
        return f"apt's sources name no archive of Debian {release.codename}"
    return Debian(release, tuple(sources), archive)


def are_unpacked(layout: Layout, machine: Debian) -> bool:
    """Whether the unpacked packages match today's selection."""
    try:
        return _stamp(layout).read_text() == _recipe(machine)
    except OSError:
        return False


def _stamp(layout: Layout) -> Path:
    return layout.root / "recipe"


def _recipe(machine: Debian) -> str:
    # Without versions: a newer version on the mirror is no reason to stop a running engine.
    return " ".join((machine.release.codename, *_OWN, _DOCKER_RELEASE, *_DOCKER))


def unpack(layout: Layout, machine: Debian, commands: ChildProcesses) -> None:
    """Downloads and unpacks all packages into `layout.root`; an interrupted download starts again."""
    debs = layout.apt / "debs"
    shutil.rmtree(debs, ignore_errors=True)
    apt.own(layout.apt, machine.sources).download(_OWN, debs, commands)
    apt.other(layout.apt, machine.archive, _DOCKER_RELEASE).download(_DOCKER, debs, commands)
    apt.unpack(debs, layout.root, commands)
    plugins = layout.docker_config / "cli-plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    plugin = plugins / "docker-buildx"
    plugin.unlink(missing_ok=True)
    plugin.symlink_to(layout.root / "usr/libexec/docker/cli-plugins/docker-buildx")
    _stamp(layout).write_text(_recipe(machine))
