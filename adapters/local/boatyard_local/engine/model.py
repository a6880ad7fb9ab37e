"""The engine's types for the rest of the project."""

from pathlib import Path
from typing import Literal

import msgspec

Kind = Literal["docker", "unpacked"]


class EngineError(Exception):
    """The engine cannot be created here. The message has the reason and advice."""


class MadeImage(msgspec.Struct, frozen=True):
    """A base image that was created here because the original cannot be pulled."""

    reference: str
    """`host:port/repository:tag@sha256:…`, in the local registry."""
    stands_for: tuple[str, ...]
    """The references that builds replace with it, as users write them."""
    why: str


class Engine(msgspec.Struct, frozen=True, kw_only=True):
    """A running BuildKit and registry, and the file with their settings."""

    kind: Kind
    """`docker`: the machine's own Docker, unchanged. `unpacked`: run from Debian's unpacked packages."""
    docker: str
    """Path of the docker command."""
    docker_host: str
    """`unix://…` of the unpacked engine; empty means the command's own default."""
    docker_config: str
    """Folder with `cli-plugins/docker-buildx`; empty means the command's own default."""
    builder: str | None
    """Name of the buildx builder; None means the engine's embedded BuildKit (`default`)."""
    network: Literal["default", "host"]
    """The network that builds and containers need; an unpacked engine has no bridge."""
    registry: str
    """`127.0.0.1:port`, with plain HTTP."""
    platforms: tuple[str, ...]
    """The platforms that this BuildKit can build, the machine's own first."""
    images: tuple[MadeImage, ...]
    """Base images that were created here; empty if the usual ones can be pulled."""
    settings: Path
    """The TOML that `boatyard serve` reads."""
    notes: tuple[str, ...] = ()
    """Notes for the user about this engine, one sentence each."""

    def environment(self) -> dict[str, str]:
        """The variables that direct a docker command, or a Docker library, to this engine."""
        values = {"DOCKER_HOST": self.docker_host, "DOCKER_CONFIG": self.docker_config}
        return {name: value for name, value in values.items() if value}
