"""Shared parts of Boatyard's rootless buildkitds, the managed one and the job's sidecar: configuration, supervisor and
probes. infra/terraform/modules/kubernetes has the same in HCL."""

from typing import Final

import msgspec
from lightkube.models.core_v1 import (
    AppArmorProfile,
    ConfigMapVolumeSource,
    EnvVar,
    ExecAction,
    Probe,
    SeccompProfile,
    SecurityContext,
    Volume,
    VolumeMount,
)

from boatyard.settings import Settings

USER: Final = 1000
"""The user of moby/buildkit's rootless images. A job with a sidecar uses it too, so that both can use the socket."""
CONFIG_FILE: Final = "buildkitd.toml"
CONFIG_FOLDER: Final = "/etc/buildkit"
CA_VOLUME: Final = "ca"
CA_FOLDER: Final = "/boatyard/ca"
SOCKET: Final = "unix:///run/user/1000/buildkit/buildkitd.sock"
RUN_FOLDER: Final = "/run/user/1000"
STATE_FOLDER: Final = "/home/user/.local/share/buildkit"


def buildkitd_toml(settings: Settings) -> str:
    """buildkitd.toml (moby/buildkit docs/buildkitd.toml.md): mirrors, plain-http registries, and the cache's size.
    Each registry has one table."""
    lines = ["[worker.oci]", "  gc = true", '  reservedSpace = "10%"', '  maxUsedSpace = "80%"']
    for host in sorted({*settings.insecure_registries, *settings.registry_mirrors}):
        lines.append(f"[registry.{_quoted(host)}]")
        if host in settings.insecure_registries:
            lines += ["  http = true", "  insecure = true"]
        if mirror := settings.registry_mirrors.get(host):
            lines.append(f"  mirrors = [{_quoted(mirror)}]")
    return "\n".join(lines) + "\n"


def arguments(settings: Settings) -> list[str]:
    """Arguments besides the addresses. They allow the entitlement that builds request (`network.mode`)."""
    made = [f"--addr={SOCKET}", f"--config={CONFIG_FOLDER}/{CONFIG_FILE}", "--oci-worker-no-process-sandbox"]
    return made + (["--allow-insecure-entitlement=network.host"] if settings.network.mode == "host" else [])


def security() -> SecurityContext:
    """The security context. Escalation is allowed, because newuidmap and newgidmap, which set up the user namespace,
    are setuid."""
    return SecurityContext(
        runAsUser=USER,
        runAsGroup=USER,
        seccompProfile=SeccompProfile(type="Unconfined"),
        appArmorProfile=AppArmorProfile(type="Unconfined"),
    )


def alive() -> ExecAction:
    return ExecAction(command=["buildctl", f"--addr={SOCKET}", "debug", "workers"])


def startup_probe() -> Probe:
    """The startup probe: every second for at least two minutes, since a busy node starts it late."""
    return Probe(exec=alive(), periodSeconds=1, timeoutSeconds=10, failureThreshold=120)


def ca_environment(settings: Settings) -> list[EnvVar] | None:
    """The environment for registries with a company's certificates: Go uses this file besides the system's folders."""
    if not settings.kubernetes.ca_config_map:
        return None
    return [EnvVar(name="SSL_CERT_FILE", value=f"{CA_FOLDER}/ca.crt")]


def ca_mounts(settings: Settings) -> list[VolumeMount]:
    if not settings.kubernetes.ca_config_map:
        return []
    return [VolumeMount(name=CA_VOLUME, mountPath=CA_FOLDER, readOnly=True)]


def ca_volumes(settings: Settings, *, optional: bool = False) -> list[Volume]:
    """The CA's volume. `optional`: the pod also starts without the ConfigMap."""
    name = settings.kubernetes.ca_config_map
    if not name:
        return []
    return [Volume(name=CA_VOLUME, configMap=ConfigMapVolumeSource(name=name, optional=optional or None))]


def _quoted(text: str) -> str:
    """A TOML basic string; TOML supports JSON's escapes."""
    return msgspec.json.encode(text).decode()
