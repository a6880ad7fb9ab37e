"""The configuration model, filled from TOML, environment variables, a ConfigMap or Terraform.

External names are camelCase. Those that exist in Union's Image Builder keep its spelling (`enabled`,
`targetConfigMapName`, `buildkitUri`, `defaultRepository`, `authenticationType`, `buildkit.enabled`),
so that a Helm values file works unchanged.
"""

from typing import Final, Literal

import msgspec

RepositoryLayout = Literal["one", "each"]
AuthenticationType = Literal["noop", "google", "aws", "azure", "basic"]
Compression = Literal["zstd", "gzip", "uncompressed"]
_LEVELS: Final = {"zstd": 22, "gzip": 9}
"""The highest level of each compression."""


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A section. It refuses unknown names, so that a misspelled setting is not silently ignored."""


class Buildkit(_Section, frozen=True, kw_only=True):
    """How to reach BuildKit. The driver `buildctl` uses a buildkitd, `buildx` a Docker engine."""

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
    """What reads a Dockerfile with `# syntax=docker/dockerfile:…`: that image, or BuildKit itself, for deployments that
    cannot pull it."""
    tls_directory: str = ""
    """Folder with ca.pem, cert.pem and key.pem for a buildkitd with mutual TLS."""


TRUSTED_BASES: Final = ("docker.io/library/python", "ghcr.io/flyteorg/flyte")


class BaseImageRule(_Section, frozen=True, kw_only=True):
    """Replaces a base image by another. `match` may contain `*`; the first matching rule applies."""

    match: str
    image: str


class Uv(_Section, frozen=True, kw_only=True):
    """Source of the uv binary in images: an image, or a folder with `uv-<arch>`."""

    image: str = "ghcr.io/astral-sh/uv:0.13.4"
    directory: str = ""


class Network(_Section, frozen=True, kw_only=True):
    """Network settings of RUN steps. They are mounted, and never part of a layer."""

    ca_bundle: str = ""
    """Path of a PEM bundle that RUN steps trust (pip, uv, curl, requests, git, node)."""
    index_url: str = ""
    extra_index_urls: tuple[str, ...] = ()
    http_proxy: str = ""
    https_proxy: str = ""
    no_proxy: str = ""
    mode: Literal["default", "host", "none"] = "default"
    """The network of RUN steps, in BuildKit's terms."""


class Cache(_Section, frozen=True, kw_only=True):
    """Registry cache. With an empty `repository`, there is no import and no export."""

    repository: str = ""
    mode: Literal["min", "max"] = "max"


class Output(_Section, frozen=True, kw_only=True):
    """How the image is written. All of it is part of the key, because it changes the pushed image."""

    compression: Compression = "zstd"
    compression_level: int = 3
    provenance: Literal["off", "min", "max"] = "off"
    sbom: bool = False
    reproducible: bool = False
    """Clamp all times in new layers, so that equal input gives equal layer digests."""

    def __post_init__(self) -> None:
        most = _LEVELS.get(self.compression)
        if most is not None and not 0 <= self.compression_level <= most:
            raise ValueError(f"{self.compression} has levels from 0 to {most}, and not {self.compression_level}")


class Limits(_Section, frozen=True, kw_only=True):
    concurrent_builds: int = 2
    concurrent_builds_per_project: int = 0
    """Running builds of one project and domain; 0 means a fair share (`boatyard.shares`)."""
    queued_builds: int = 10_000
    queued_builds_per_project: int = 0
    """Waiting builds of one project and domain; 0 means a fair share (`boatyard.shares`)."""
    build_timeout_seconds: int = 3600
    context_bytes: int = 2 * 1024**3
    context_store_bytes: int = 20 * 1024**3
    """Total size of the archives that the embedded server keeps; 0 means no limit."""
    context_entries: int = 200_000
    unpacked_bytes: int = 8 * 1024**3
    request_bytes: int = 4 * 1024**2
    layers: int = 120
    log_tail_lines: int = 40
    failure_hold_seconds: int = 60
    """How long a failure answers equal requests, so that retries do not start builds."""
    registry_timeout_seconds: int = 10
    """For a whole lookup, including all requests, redirects, tokens and retries."""
    disk_bytes: int = 0
    """Quota for a build's own files (context, exported layers); 0 means none."""


class Caller(_Section, frozen=True, kw_only=True):
    """What the matching callers may build for. `match` applies to the caller's identity from the cloud's edge."""

    match: str
    """A pattern for an ARN, an email address or an object id; `*` matches anything, including `/` and `:`."""
    projects: tuple[str, ...] = ()
    """`project/domain` patterns; empty means every one that `access.projects` allows."""


class Access(_Section, frozen=True, kw_only=True):
    """Who may build what. Empty tuples allow everything; entries may contain `*`."""

    projects: tuple[str, ...] = ()
    """`project/domain` patterns."""
    registries: tuple[str, ...] = ()
    """Patterns of target repositories, e.g. `ghcr.io/acme/*`."""
    pulls: tuple[str, ...] = ()
    """Patterns for the full names of repositories that builds may start from and copy from, e.g. `docker.io/library/*`.
    They are matched after the rules of `baseImages` and before `registryMirrors`."""
    callers: tuple[Caller, ...] = ()
    """Empty: everyone that the edge admits. Otherwise a caller has the rights of all matching entries together."""


class Toleration(_Section, frozen=True, kw_only=True):
    """A core/v1 Toleration. An empty `key` with `operator` Exists tolerates everything."""

    key: str = ""
    operator: Literal["Exists", "Equal"] = "Equal"
    value: str = ""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""


class Kubernetes(_Section, frozen=True, kw_only=True):
    """Where and how build Jobs run in the dataplane's cluster.

    Two settings of Union's Image Builder choose the topology: `buildkitUri` selects that buildkitd; else
    `buildkit.enabled` selects the managed one; else each Job has its own. With `runBuildkit` false there is neither.
    """

    run_buildkit: bool = True
    """Whether pods of the cluster may run BuildKit. If not, all pods of Boatyard are `restricted`, and without a
    `buildkitUri` only images are built whose steps need no BuildKit."""
    namespace_template: str = "{project}-{domain}"
    """Namespace of a build's Job; `{project}` and `{domain}` are replaced by the build's."""
    namespaces: tuple[str, ...] = ()
    """All namespaces that builds run in, so that the function needs no right on the whole cluster."""
    create_namespaces: bool = False
    service_account: str = "default"
    """Service account of the build's pod, whose workload identity pulls and pushes."""
    builder_image: str = ""
    """Image of a job, as `make builder-image` pushes it: Python, boatyard-buildkit, buildctl. It has no default,
    because none is published."""
    image_pull_secrets: tuple[str, ...] = ()
    requests: dict[str, str] = msgspec.field(default_factory=lambda: {"cpu": "1", "memory": "2Gi"})
    limits: dict[str, str] = msgspec.field(default_factory=lambda: {"memory": "8Gi"})
    """Resources of the container that runs BuildKit: the Job's sidecar, or the managed buildkitd."""
    job_requests: dict[str, str] = msgspec.field(
        default_factory=lambda: {"cpu": "200m", "memory": "256Mi", "ephemeral-storage": "4Gi"}
    )
    job_limits: dict[str, str] = msgspec.field(default_factory=lambda: {"memory": "1Gi"})
    """Resources of the job's own container, which unpacks the context and uses BuildKit."""
    node_selector: dict[str, str] = {}
    tolerations: tuple[Toleration, ...] = ()
    pod_labels: dict[str, str] = {}
    """Labels of the pod, such as `azure.workload.identity/use: "true"`."""
    pod_annotations: dict[str, str] = {}
    ttl_seconds: int = 86_400
    """How long a finished Job is kept."""
    start_seconds: int = 600
    """How long a Job may wait for a node and its image before it counts as failed."""
    buildkit_namespace: str = "boatyard-buildkit"
    buildkit_image: str = "docker.io/moby/buildkit:v0.29.0-rootless"
    replicas: int = 1
    """Replicas of the managed buildkitd. A base image always uses the same one, so that its cache is warm."""
    cache_size: str = "50Gi"
    """Size of each replica's volume."""
    storage_class: str = ""
    client_certificate_secret: str = ""
    """Secret of a build's namespace with ca.pem, cert.pem and key.pem. Empty: `boatyard-buildkit-client` for the
    managed buildkitd, and plain TCP for a `buildkitUri`."""
    ca_config_map: str = ""
    """ConfigMap of a build's namespace whose ca.crt becomes the build's `network.caBundle`."""


class Settings(_Section, frozen=True, kw_only=True):
    enabled: bool = True
    isolation: Literal["project", "deployment"] = "project"
    """What builds share: `project` isolates every project and domain, `deployment` is for a team that trusts itself."""
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
    """Platforms whose commands the dataplane can run. For others it makes images that need none, and refuses the rest
    (`boatyard.platforms`)."""
    default_platforms: tuple[str, ...] = ("linux/amd64",)
    """Platforms of an image whose spec names none."""
    base_images: tuple[BaseImageRule, ...] = ()
    registry_mirrors: dict[str, str] = {}
    """Registry host -> host/prefix of a mirror that serves the same bytes. Not part of the key."""
    insecure_registries: tuple[str, ...] = ()
    """Registry hosts (host:port) that use plain http."""
    uv: Uv = Uv()
    network: Network = Network()
    cache: Cache = Cache()
    output: Output = Output()
    layers: Literal["registry", "builder"] = "registry"
    """What makes layers: `registry` uses layers that the registry has and makes most others without BuildKit, `builder`
    gives every image to BuildKit as a whole. Not part of the key."""
    trusted_bases: tuple[str, ...] = TRUSTED_BASES
    """Patterns for the full names of repositories, before `registryMirrors`. The Python of an image from there may run
    in jobs without a complete sandbox, and its byte code is shared by all images. Not part of the key."""
    limits: Limits = Limits()
    access: Access = Access()
    kubernetes: Kubernetes = Kubernetes()

    @property
    def cluster_lacks_buildkit(self) -> bool:
        """Whether builds of a cluster have BuildKit neither in it nor elsewhere."""
        return not (self.kubernetes.run_buildkit or self.buildkit_uri or self.buildkit.driver == "buildx")

    @property
    def cluster_problem(self) -> str:
        """Why no build of a cluster could succeed; empty if nothing speaks against it."""
        attested = self.output.sbom or self.output.provenance != "off"
        if self.cluster_lacks_buildkit and (self.layers != "registry" or attested):
            return (
                "kubernetes.runBuildkit is false and there is no buildkitUri, so layers must be registry, and output "
                "can have neither provenance nor sbom: only BuildKit makes whole images, and describes them"
            )
        return ""
