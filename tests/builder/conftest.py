"""Builds the real builder image. Neither of its two base images is available everywhere, so the engine's own base
replaces python:…-slim, and an image with one file replaces moby/buildkit; that file is not buildctl, as its output
says."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from boatyard.settings import Settings
from boatyard_local.settings import load_settings
from tests.builder.pod import Docker

ROOT = Path(__file__).parent.parent.parent
SETTINGS = ROOT / ".boatyard" / "boatyard.toml"
PYTHON = "docker.io/library/python:3.13-slim"
BASE = "python:3.11-slim"
STAND_IN = "#!/bin/sh\necho 'a stand-in, not buildctl'\n"


@pytest.fixture(scope="session")
def settings() -> Settings:
    if not SETTINGS.is_file():
        pytest.fail(f"no engine: {SETTINGS} does not exist; `make test` starts one")
    return load_settings(SETTINGS, {})


@pytest.fixture(scope="session")
def docker(settings: Settings) -> Docker:
    return Docker(settings.buildkit)


class Maker:
    """Runs `make builder-image`, with images of Docker Hub replaced by folders."""

    def __init__(self, settings: Settings, docker: Docker, images: Mapping[str, Path], cloud: str = "aws") -> None:
        self._cloud = cloud
        self.repository = f"{settings.default_repository.partition('/')[0]}/boatyard/builder"
        base = next(rule.image for rule in settings.base_images if rule.match == BASE)
        self._docker = docker
        self._replaced = [
            f"--build-context={PYTHON}=docker-image://{base}",
            *(f"--build-context={image}={folder}" for image, folder in images.items()),
            *([f"--network={settings.network.mode}"] if settings.network.mode != "default" else []),
            *([f"--builder={settings.buildkit.builder}"] if settings.buildkit.builder else []),
        ]

    def __call__(self, *options: str, replaced: bool = True) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [
                *(sys.executable, ROOT / "scripts" / "bundle" / "image.py", self._cloud),
                *("--repository", self.repository),
                *("--docker", self._docker.command, *options, *(self._replaced if replaced else [])),
            ],
            env=self._docker.environment,
            capture_output=True,
            text=True,
            timeout=580,
            check=False,
        )


def buildkit_image() -> str:
    return f"docker.io/moby/buildkit:{Settings().kubernetes.buildkit_image.partition(':')[2].removesuffix('-rootless')}"


@pytest.fixture(scope="session")
def maker(settings: Settings, docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> Maker:
    folder = tmp_path_factory.mktemp("in-the-place-of-moby-buildkit")
    (folder / "usr" / "bin").mkdir(parents=True)
    (folder / "usr" / "bin" / "buildctl").write_text(STAND_IN)
    (folder / "usr" / "bin" / "buildctl").chmod(0o755)
    return Maker(settings, docker, {buildkit_image(): folder})


@pytest.fixture(scope="session")
def image(maker: Maker) -> str:
    """`repository:tag@digest`, as the command prints it.

    Docker pushes again what BuildKit has pushed, and Debian's registry (2.8) overwrites a tag's file in place: a
    request for
        the tag at that moment gets 500, "invalid checksum digest format". A person would try again.
    """
    made = maker("--platform=linux/amd64,linux/arm64", "--force")
    if made.returncode and "500 Internal Server Error" in made.stderr:
        made = maker("--platform=linux/amd64,linux/arm64", "--force")
    assert made.returncode == 0, made.stderr[-4000:]
    return made.stdout.strip()
