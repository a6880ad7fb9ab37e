"""The builder image with an engine, as `make builder-image CLOUD=… IMAGE_OPTIONS=--engine` makes it.

docker.io/library/docker is not available everywhere, so this machine's unpacked Docker replaces its programs. They are
260 MB, which each cloud's image would compress and copy. So the image gets a script for each program, which starts the
program in `engine_programs()`: mount that folder at its own path. A program that the image lacks is missing as before.
"""

from pathlib import Path
from typing import Final

import pytest

from boatyard.settings import Settings
from boatyard_local.engine.layout import Layout
from tests.builder.conftest import ROOT, Maker, buildkit_image
from tests.builder.pod import Docker
from tests.bundle.scripts import ask

_BIN: Final = "usr/local/bin"
_PROGRAMS: Final = {
    f"{_BIN}/containerd": "bin/containerd",
    f"{_BIN}/containerd-shim-runc-v2": "bin/containerd-shim-runc-v2",
    f"{_BIN}/docker": "bin/docker",
    f"{_BIN}/docker-proxy": "sbin/docker-proxy",
    f"{_BIN}/dockerd": "sbin/dockerd",
    f"{_BIN}/runc": "sbin/runc",
    "usr/local/libexec/docker/cli-plugins/docker-buildx": "libexec/docker/cli-plugins/docker-buildx",
}
"""Path in docker.io/library/docker -> path in `engine_programs()`."""


def engine_programs() -> Path:
    """This machine's unpacked Docker. Skips the test where its own Docker is in use."""
    root = Layout.of(ROOT / ".boatyard").root / "usr"
    if not (root / "sbin" / "dockerd").is_file():
        pytest.skip("this machine's own Docker is in use, whose programs cannot be carried into an image")
    return root


def engine_image(cloud: str, settings: Settings, folder: Path) -> str:
    """`repository:tag@digest`."""
    programs = engine_programs()
    (folder / "buildkit" / "usr" / "bin").mkdir(parents=True)
    (folder / "buildkit" / "usr" / "bin" / "buildctl").touch()
    for name, program in _PROGRAMS.items():
        path = folder / "docker" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\nexec "{programs / program}" "$@"\n')
        path.chmod(0o755)
    (folder / "docker" / _BIN / "docker-init").touch()
    engine = ask(f"from contents import contents; print(contents({cloud!r}).job.engine.image)")
    images = {buildkit_image(): folder / "buildkit", engine: folder / "docker"}
    made = Maker(settings, Docker(settings.buildkit), images, cloud)("--platform=linux/amd64", "--engine", "--force")
    assert made.returncode == 0, made.stderr[-4000:]
    return made.stdout.strip()
