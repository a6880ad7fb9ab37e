"""The builder image with an engine, as `make builder-image CLOUD=… IMAGE_OPTIONS=--engine` makes it.

docker.io/library/docker is not available everywhere, so this machine's unpacked Docker replaces its programs.
"""

import shutil
from pathlib import Path

import pytest

from boatyard.settings import Settings
from boatyard_local.engine.layout import Layout
from tests.builder.conftest import ROOT, Maker, buildkit_image
from tests.builder.pod import Docker
from tests.bundle.scripts import ask

_PROGRAMS = ("bin/containerd", "bin/containerd-shim-runc-v2", "bin/docker", "sbin/docker-proxy", "sbin/dockerd")


def engine_image(cloud: str, settings: Settings, folder: Path) -> str:
    """`repository:tag@digest`. Skips the test where this machine's own Docker is in use."""
    root = Layout.of(ROOT / ".boatyard").root / "usr"
    if not (root / "sbin" / "dockerd").is_file():
        pytest.skip("this machine's own Docker is in use, whose programs cannot be carried into an image")
    (folder / "buildkit" / "usr" / "bin").mkdir(parents=True)
    (folder / "buildkit" / "usr" / "bin" / "buildctl").touch()
    programs = folder / "docker" / "usr" / "local" / "bin"
    plugins = folder / "docker" / "usr" / "local" / "libexec" / "docker" / "cli-plugins"
    for target in (programs, plugins):
        target.mkdir(parents=True)
    for name in _PROGRAMS:
        shutil.copy(root / name, programs)
    shutil.copy(root / "sbin" / "runc", programs / "runc")
    (programs / "docker-init").touch()
    shutil.copy(root / "libexec" / "docker" / "cli-plugins" / "docker-buildx", plugins)
    engine = ask(f"from contents import contents; print(contents({cloud!r}).job.engine.image)")
    images = {buildkit_image(): folder / "buildkit", engine: folder / "docker"}
    made = Maker(settings, Docker(settings.buildkit), images, cloud)("--platform=linux/amd64", "--engine", "--force")
    assert made.returncode == 0, made.stderr[-4000:]
    return made.stdout.strip()
