"""What the rest of the project sees of an engine."""

from pathlib import Path
from typing import Literal

import msgspec

Kind = Literal["docker", "unpacked"]


class EngineError(Exception):
    """The engine cannot be made here. The message is one sentence or two: what, and what to do."""


class MadeImage(msgspec.Struct, frozen=True):
    """A base image that was made here because the one it stands for cannot be pulled."""

    reference: str
    """`host:port/repository:tag@sha256:…`, in the local registry."""
    stands_for: tuple[str, ...]
    """The references that builds replace by it, as users write them."""
    why: str


class Engine(msgspec.Struct, frozen=True, kw_only=True):
    """A BuildKit and a registry that answer, and where the settings for them are."""

    kind: Kind
    """`docker`: the machine's own, used as it is. `unpacked`: from Debian's packages, run by us."""
    docker: str
    """Path of the docker command."""
    docker_host: str
    """`unix://…` of the unpacked engine; empty means the command's own default."""
    docker_config: str
    """Folder that holds `cli-plugins/docker-buildx`; empty means the command's own default."""
    builder: str | None
    """Name of the buildx builder; None means the engine's embedded BuildKit (`default`)."""
    network: Literal["default", "host"]
    """The network that builds and containers need here; an unpacked engine has no bridge."""
    registry: str
    """`127.0.0.1:port`, plain http."""
    platforms: tuple[str, ...]
    """What this BuildKit can build, the machine's own first."""
    images: tuple[MadeImage, ...]
    """Base images made here; empty where the ordinary ones can be pulled."""
    settings: Path
    """The TOML that `boatyard serve` reads."""
    notes: tuple[str, ...] = ()
    """Notes for the user about this engine, one sentence each."""

    def environment(self) -> dict[str, str]:
        """The variables that make a docker command, or a library that speaks to Docker, use this engine."""
        values = {"DOCKER_HOST": self.docker_host, "DOCKER_CONFIG": self.docker_config}
        return {name: value for name, value in values.items() if value}
