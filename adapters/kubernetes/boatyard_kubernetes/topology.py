"""Chooses the BuildKit of a build, and how its job reaches it."""

import hashlib
from typing import Final

import msgspec

from boatyard.backports import StrEnum
from boatyard.job import BuildJob
from boatyard.settings import AuthenticationType, Buildkit, Settings

PORT: Final = 1234
SERVICE: Final = "buildkitd"
CLIENT_SECRET: Final = "boatyard-buildkit-client"  # noqa: S105 - a name
TLS_FOLDER: Final = "/boatyard/tls"
SOCKET_FOLDER: Final = "/boatyard/buildkit"


class Topology(StrEnum):
    EXTERNAL = "external"
    """A buildkitd that others operate, at `buildkitUri`."""
    MANAGED = "managed"
    """The StatefulSet of `boatyard_kubernetes.buildkitd`."""
    DAEMONLESS = "daemonless"
    """A rootless buildkitd as a sidecar of each build's job, which ends with it."""
    NONE = "none"
    """No BuildKit: builds that need one are refused."""


class _Access(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The file for `python -m boatyard_buildkit --buildkit FILE`, with the names of the settings."""

    buildkit_uri: str
    buildkit: Buildkit
    authentication_type: AuthenticationType
    wait_seconds: int


def choose(settings: Settings) -> Topology:
    """The topology, as in Union's Helm values: external with `buildkitUri`, else managed with `buildkit.enabled`,
    unless the cluster may not run BuildKit."""
    if settings.buildkit_uri or settings.buildkit.driver == "buildx":
        return Topology.EXTERNAL
    if settings.cluster_lacks_buildkit:
        return Topology.NONE
    return Topology.MANAGED if settings.buildkit.enabled else Topology.DAEMONLESS


def client_secret(settings: Settings) -> str:
    """The Secret with the client's certificate; empty without TLS."""
    named = settings.kubernetes.client_certificate_secret
    match choose(settings):
        case Topology.MANAGED:
            return named or CLIENT_SECRET
        case Topology.EXTERNAL:
            return named
    return ""


def access_file(settings: Settings, job: BuildJob) -> bytes:
    """settings.json of the job: where its BuildKit is, and who it is to registries."""
    buildkit = settings.buildkit
    if client_secret(settings):
        buildkit = msgspec.structs.replace(buildkit, tls_directory=TLS_FOLDER)
    kind = settings.authentication_type
    return msgspec.json.encode(
        _Access(
            buildkit_uri=_uri(settings, job),
            buildkit=buildkit,
            authentication_type=kind,
            # A managed buildkitd that is drained or restarts, or one beside the job that was killed, comes back.
            wait_seconds=settings.kubernetes.start_seconds,
        )
    )


def _uri(settings: Settings, job: BuildJob) -> str:
    match choose(settings):
        case Topology.EXTERNAL:
            return settings.buildkit_uri
        case Topology.DAEMONLESS | Topology.NONE:  # never used in the second
            return f"unix://{SOCKET_FOLDER}/buildkitd.sock"
    replica = pick(job.base_images[0] if job.base_images else job.target, settings.kubernetes.replicas)
    return f"tcp://{host(replica, settings.kubernetes.buildkit_namespace)}:{PORT}"


def host(replica: int, namespace: str) -> str:
    """A replica's stable name (headless Service of a StatefulSet)."""
    return f"{SERVICE}-{replica}.{SERVICE}.{namespace}.svc"


def pick(base: str, replicas: int) -> int:
    """Rendezvous hashing: equal bases meet on one replica, and its caches stay warm. With one replica more
    or less only 1/n of the bases move."""

    def weight(replica: int) -> bytes:
        return hashlib.sha256(f"{replica}\0{base}".encode()).digest()

    return max(range(max(replicas, 1)), key=weight)


def begins_without(settings: Settings) -> bool:
    """Whether a build's pod has no BuildKit that it could reach, unless it has one itself."""
    return choose(settings) in (Topology.DAEMONLESS, Topology.NONE)
