"""The one configuration model, whatever fills it: TOML, environment, a ConfigMap, Terraform.

The outside names are camelCase. Those that Union's Image Builder has keep its spelling (`enabled`,
`targetConfigMapName`, `buildkitUri`, `defaultRepository`, `authenticationType`, `buildkit.enabled`),
so that a Helm values file moves over as it is.
"""

from typing import Literal

import msgspec

AuthenticationType = Literal["noop", "google", "aws", "azure", "basic"]
Compression = Literal["zstd", "gzip", "uncompressed"]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Every section refuses unknown names: a misspelt setting must not be silently ignored."""


class Buildkit(_Section, frozen=True, kw_only=True):
    """How BuildKit is reached. `driver` buildctl speaks to a buildkitd, buildx to a Docker engine."""

    enabled: bool = True
    driver: Literal["buildx", "buildctl"] = "buildctl"
    docker: str = "docker"
    """Path of the docker command (buildx driver)."""
    docker_host: str = ""
    docker_config: str = ""
    """Folder that holds `cli-plugins/docker-buildx`; empty means the command's own default."""
    builder: str = ""
    """Name of the buildx builder; empty means the engine's embedded BuildKit."""
    buildctl: str = "buildctl"
    tls_directory: str = ""
    """Folder with ca.pem, cert.pem and key.pem for a buildkitd that asks for mutual TLS."""


class BaseImageRule(_Section, frozen=True, kw_only=True):
    """Replaces a base image by another. `match` may hold `*`; the first rule that matches wins."""

    match: str
    image: str


class Uv(_Section, frozen=True, kw_only=True):
    """Where the uv binary that goes into images comes from: an image, or a folder of `uv-<arch>`."""

    image: str = "ghcr.io/astral-sh/uv:0.13.4"
    directory: str = ""


class Network(_Section, frozen=True, kw_only=True):
    """What a build needs of a company's own network. Mounted for RUN steps, never left in a layer."""

    ca_bundle: str = ""
    """Path of a PEM bundle that RUN steps trust (pip, uv, curl, requests, git, node)."""
    index_url: str = ""
    extra_index_urls: tuple[str, ...] = ()
    http_proxy: str = ""
    https_proxy: str = ""
    no_proxy: str = ""
    mode: Literal["default", "host", "none"] = "default"
    """The network that RUN steps see, in BuildKit's words."""


class Cache(_Section, frozen=True, kw_only=True):
    """Registry cache. `repository` empty: no import and no export."""

    repository: str = ""
    mode: Literal["min", "max"] = "max"


class Output(_Section, frozen=True, kw_only=True):
    """How the image is written. All of it is part of the key: it changes what is pushed."""

    compression: Compression = "zstd"
    compression_level: int = 3
    provenance: Literal["off", "min", "max"] = "off"
    sbom: bool = False
    reproducible: bool = False
    """Clamp all times in new layers, so that equal input gives equal layer digests."""


class Limits(_Section, frozen=True, kw_only=True):
    concurrent_builds: int = 2
    queued_builds: int = 10_000
    build_timeout_seconds: int = 3600
    context_bytes: int = 2 * 1024**3
    context_entries: int = 200_000
    unpacked_bytes: int = 8 * 1024**3
    request_bytes: int = 4 * 1024**2
    layers: int = 120
    log_tail_lines: int = 40
    failure_hold_seconds: int = 60
    """A failure answers equal requests for this long, so that retries do not start builds."""
    disk_bytes: int = 0
    """Quota of a build's own files (context, exported layers); 0 is none."""


class Access(_Section, frozen=True, kw_only=True):
    """Who may build what. Empty tuples allow everything; entries may hold `*`."""

    projects: tuple[str, ...] = ()
    """`project/domain` patterns."""
    registries: tuple[str, ...] = ()
    """Patterns of target repositories, e.g. `ghcr.io/acme/*`."""


class Settings(_Section, frozen=True, kw_only=True):
    enabled: bool = True
    target_config_map_name: str = "build-image-config"
    buildkit_uri: str = ""
    default_repository: str = ""
    authentication_type: AuthenticationType = "noop"
    buildkit: Buildkit = Buildkit()
    platforms: tuple[str, ...] = ("linux/amd64",)
    """What the dataplane can build; anything else is UNSUPPORTED before a build starts."""
    default_platforms: tuple[str, ...] = ("linux/amd64",)
    """What an image is built for when its spec names no platform."""
    base_images: tuple[BaseImageRule, ...] = ()
    registry_mirrors: dict[str, str] = {}
    """Registry host -> host/prefix of a mirror that serves the same bytes. Not part of the key."""
    insecure_registries: tuple[str, ...] = ()
    """Registry hosts (host:port) that are spoken to in plain http."""
    uv: Uv = Uv()
    network: Network = Network()
    cache: Cache = Cache()
    output: Output = Output()
    limits: Limits = Limits()
    access: Access = Access()
