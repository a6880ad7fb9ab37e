"""Computes the tag of the builder image: its version, and a digest of its contents without the base image.

The tag is known before the image is built, so Terraform can put it into the settings. It stays the same while nothing
changes, so a registry with immutable tags accepts it once.
"""

import hashlib
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from contents import contents

from boatyard.settings import Kubernetes

DOCKERFILE: Final = "infra/builder/Dockerfile"
BUILDKIT: Final = Kubernetes().buildkit_image.removesuffix("-rootless")
"""The image with buildctl, in the version of buildkitd."""
_FILES: Final = (DOCKERFILE, f"{DOCKERFILE}.dockerignore", "requirements/builder-tools.txt")
_SUFFIXES: Final = (".py", ".toml", ".typed")


def image_tag(root: Path, cloud: str, *, engine: bool = False) -> str:
    """`engine` selects the image for a build service, which also contains a Docker engine."""
    version = tomllib.loads((root / "core/pyproject.toml").read_text())["project"]["version"]
    digest = hashlib.sha256()
    for part in _parts(root, cloud):
        digest.update(len(part).to_bytes(8, "big") + part)
    return f"{version}-{digest.hexdigest()[:12]}{'-engine' if engine else ''}"


def _parts(root: Path, cloud: str) -> Iterator[bytes]:
    yield BUILDKIT.encode()
    chosen = contents(cloud, root)
    paths = [*(root / name for name in _FILES), chosen.job_lock]
    for folder in chosen.job_distributions:
        paths += [path for path in folder.rglob("*") if path.suffix in _SUFFIXES and path.is_file()]
    for path in sorted(paths):
        yield path.relative_to(root).as_posix().encode()
        yield path.read_bytes()
