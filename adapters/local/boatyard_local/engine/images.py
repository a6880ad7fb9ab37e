"""The recipes of the base images that can be created locally."""

import hashlib
from typing import Final, NamedTuple

from boatyard_local.engine import pins, rootfs, uv_binaries
from boatyard_local.engine.packages import Debian

DOCKER_HUB: Final = "docker.io"
GHCR: Final = "ghcr.io"

PYTHON: Final = "boatyard/python"
FLYTE: Final = "boatyard/flyte"

_PYTHON_TAGS: Final = (
    rootfs.PYTHON,
    f"{rootfs.PYTHON}-slim",
    f"{rootfs.PYTHON}-{rootfs.CODENAME}",
    f"{rootfs.PYTHON}-slim-{rootfs.CODENAME}",
)
_DEBIAN_TAGS: Final = (rootfs.CODENAME, f"{rootfs.CODENAME}-slim", "12", "12-slim")


class Recipe(NamedTuple):
    """An image to create: its repository in the local registry, and its Dockerfile."""

    repository: str
    tag: str
    stands_for: tuple[str, ...]
    why: str
    dockerfile: str
    fingerprint: str
    """Changes whenever the recipe's result would change."""


def python(machine: Debian) -> Recipe:
    """Debian's Python on a debootstrap root, as a replacement for Docker Hub's python and debian images."""
    dockerfile = """\
FROM scratch
ADD rootfs.tar /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
CMD ["python3"]
"""
    names = [f"python:{tag}" for tag in _PYTHON_TAGS] + [f"debian:{tag}" for tag in _DEBIAN_TAGS]
    full = [f"docker.io/library/{name}" for name in names]
    return Recipe(
        PYTHON,
        f"{rootfs.PYTHON}-{rootfs.CODENAME}",
        (*names, *full),
        "Docker Hub cannot be reached from here",
        dockerfile,
        _fingerprint(dockerfile, rootfs.recipe(machine)),
    )


def flyte(base: str) -> Recipe | None:
    """Replaces the base image of the installed flyte's release; None without an installed flyte.

    It follows flyte's own Docker builder (`_get_default_image_for` in flyte/_image.py, DOCKER_FILE_UV_BASE_TEMPLATE),
    without build-essential: 200 MB that pure Python and wheels do not need.
    """
    version = pins.version("flyte")
    if version is None:
        return None
    name = f"{GHCR}/flyteorg/flyte:py{rootfs.PYTHON}-v{version}"
    requirements = "\n".join(pins.pins("flyte"))
    dockerfile = f"""\
FROM {base}
USER root
ARG TARGETARCH
COPY --from=uv --chmod=755 uv-$TARGETARCH /usr/bin/uv
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy VIRTUALENV=/opt/venv UV_PYTHON=/opt/venv/bin/python
RUN uv venv /opt/venv --python={rootfs.PYTHON}
ENV PATH="/opt/venv/bin:$PATH"
ENV PATH="$PATH:/usr/local/nvidia/bin:/usr/local/cuda/bin" LD_LIBRARY_PATH="/usr/local/nvidia/lib64"
RUN useradd --create-home --shell /bin/bash flyte && chown -R flyte:flyte /root
WORKDIR /home/flyte
ENV VIRTUAL_ENV=/opt/venv PATH="/opt/venv/bin:$PATH" PYTHONPATH=/root
RUN --mount=type=bind,source=requirements.txt,target=/run/boatyard/requirements.txt \\
    --mount=type=secret,id=network,target=/run/boatyard/network.sh \\
    --mount=type=secret,id=ca,target=/run/boatyard/ca.pem \\
    --mount=type=tmpfs,target=/root/.cache \\
    . /run/boatyard/network.sh && uv pip install --no-deps -r /run/boatyard/requirements.txt
ENV _F_IMG_ID={name}
SHELL ["/bin/bash", "-c"]
USER flyte
"""
    return Recipe(
        FLYTE,
        f"py{rootfs.PYTHON}",
        (name,),
        "flyte's released base image cannot be pulled from ghcr.io; this one leaves out build-essential",
        dockerfile,
        _fingerprint(dockerfile, requirements, uv_binaries.version()),
    )


def _fingerprint(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
