"""The one configuration model, whatever fills it: TOML, environment, a ConfigMap, Terraform.

The outside names are camelCase. Those that Union's Image Builder has keep its spelling (`enabled`,
`targetConfigMapName`, `buildkitUri`, `defaultRepository`, `authenticationType`, `buildkit.enabled`),
so that a Helm values file moves over as it is.
"""

from typing import Literal

import msgspec

RepositoryLayout = Literal["one", "each"]
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
    dockerfile_frontend: Literal["image", "builtin"] = "image"
    """Who reads a Dockerfile that says `# syntax=docker/dockerfile:…`: that image, or BuildKit itself, for deployments
    that cannot pull it."""
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
    concurrent_builds_per_project: int = 0
    """Builds of one project and domain that run at once; 0 is a fair share (`boatyard.shares`)."""
    queued_builds: int = 10_000
    queued_builds_per_project: int = 0
    """Builds of one project and domain that wait at once; 0 is a fair share (`boatyard.shares`)."""
    build_timeout_seconds: int = 3600
    context_bytes: int = 2 * 1024**3
    context_store_bytes: int = 20 * 1024**3
    """Archives that the embedded server keeps, of all projects; 0 is no limit."""
    context_entries: int = 200_000
    unpacked_bytes: int = 8 * 1024**3
    request_bytes: int = 4 * 1024**2
    layers: int = 120
    log_tail_lines: int = 40
    failure_hold_seconds: int = 60
    """A failure answers equal requests for this long, so that retries do not start builds."""
    registry_timeout_seconds: int = 10
    """For a whole look-up: every request, redirect, token and repeat that it needs."""
    disk_bytes: int = 0
    """Quota of a build's own files (context, exported layers); 0 is none."""


class Caller(_Section, frozen=True, kw_only=True):
    """What one sort of caller may build for. `match` is compared with what the cloud's edge says of them."""

    match: str
    """A pattern of an ARN, an email address or an object id; `*` stands for anything, `/` and `:` included."""
    projects: tuple[str, ...] = ()
    """`project/domain` patterns; empty means every one that `access.projects` allows."""


class Access(_Section, frozen=True, kw_only=True):
    """Who may build what. Empty tuples allow everything; entries may hold `*`."""

    projects: tuple[str, ...] = ()
    """`project/domain` patterns."""
    registries: tuple[str, ...] = ()
    """Patterns of target repositories, e.g. `ghcr.io/acme/*`."""
    pulls: tuple[str, ...] = ()
    """Patterns of repositories that builds may start from and copy from, in full, e.g. `docker.io/library/*`. They are
    compared after the rules of `baseImages` and before `registryMirrors`."""
    callers: tuple[Caller, ...] = ()
    """Empty: whoever the edge lets in. Else a caller has what the entries that match it have together."""


class Toleration(_Section, frozen=True, kw_only=True):
    """Kubernetes' own words (core/v1 Toleration). An empty `key` with `operator` Exists tolerates everything."""

    key: str = ""
    operator: Literal["Exists", "Equal"] = "Equal"
    value: str = ""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""


class Kubernetes(_Section, frozen=True, kw_only=True):
    """Where and how build Jobs run in the dataplane's cluster.

    The topology follows from three names that Union's Image Builder has: `buildkitUri` set means that
    buildkitd; else `buildkit.enabled` means the managed one; else each Job brings its own.
    """

    namespace_template: str = "{project}-{domain}"
    """Namespace of a build's Job; `{project}` and `{domain}` stand for the build's."""
    namespaces: tuple[str, ...] = ()
    """All namespaces that builds run in. With it the function needs no right on the whole cluster."""
    create_namespaces: bool = False
    service_account: str = "default"
    """Of the build's pod: the workload identity that pulls and pushes."""
    builder_image: str = ""
    """What a job runs, as `make builder-image` pushes it: Python, boatyard-buildkit, buildctl. No default, because
    nobody publishes one."""
    image_pull_secrets: tuple[str, ...] = ()
    requests: dict[str, str] = msgspec.field(default_factory=lambda: {"cpu": "1", "memory": "2Gi"})
    limits: dict[str, str] = msgspec.field(default_factory=lambda: {"memory": "8Gi"})
    """Of what runs BuildKit: the Job's sidecar, or the managed buildkitd."""
    job_requests: dict[str, str] = msgspec.field(
        default_factory=lambda: {"cpu": "200m", "memory": "256Mi", "ephemeral-storage": "4Gi"}
    )
    job_limits: dict[str, str] = msgspec.field(default_factory=lambda: {"memory": "1Gi"})
    """Of the job itself, which unpacks the context and speaks to BuildKit."""
    node_selector: dict[str, str] = {}
    tolerations: tuple[Toleration, ...] = ()
    pod_labels: dict[str, str] = {}
    """For what acts on labels, such as `azure.workload.identity/use: "true"`."""
    pod_annotations: dict[str, str] = {}
    ttl_seconds: int = 86_400
    """How long a Job that has ended stays known."""
    start_seconds: int = 600
    """How long a Job may wait for a node and its image before it counts as failed."""
    buildkit_namespace: str = "boatyard-buildkit"
    buildkit_image: str = "docker.io/moby/buildkit:v0.29.0-rootless"
    replicas: int = 1
    """Of the managed buildkitd. A base image always goes to the same one, so that its cache is warm."""
    cache_size: str = "50Gi"
    """Of each replica's volume."""
    storage_class: str = ""
    client_certificate_secret: str = ""
    """Secret of a build's namespace with ca.pem, cert.pem and key.pem. Empty: `boatyard-buildkit-client` for the
    managed buildkitd, and plain TCP for a `buildkitUri`."""
    ca_config_map: str = ""
    """ConfigMap of a build's namespace whose ca.crt becomes the build's `network.caBundle`."""


class Settings(_Section, frozen=True, kw_only=True):
    enabled: bool = True
    isolation: Literal["project", "deployment"] = "project"
    """What builds share: `project` keeps each project and domain apart, `deployment` is one team that trusts itself."""
    target_config_map_name: str = "build-image-config"
    buildkit_uri: str = ""
    default_repository: str = ""
    repository_layout: RepositoryLayout | None = None
    """`one`: `defaultRepository` is a whole repository that holds all images (`repository:name-tag`), as on ECR, where
    repositories are made one by one. `each`: every name is a repository below it (`repository/name:tag`). Without it,
    what the registry of `defaultRepository` wants: `one` for a function on AWS whose registry is ECR, else `each`."""
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
    kubernetes: Kubernetes = Kubernetes()
