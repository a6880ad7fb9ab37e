"""What every rootless buildkitd of Boatyard's is started with, be it the managed one or the one beside a job: one
configuration, one first process, one set of probes. infra/terraform/modules/kubernetes says the same in HCL."""

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
"""The user of moby/buildkit's rootless images; a job beside it shares it, so that both may use the socket."""
CONFIG_FILE: Final = "buildkitd.toml"
CONFIG_FOLDER: Final = "/etc/buildkit"
CA_VOLUME: Final = "ca"
CA_FOLDER: Final = "/boatyard/ca"
SOCKET: Final = "unix:///run/user/1000/buildkit/buildkitd.sock"
RUN_FOLDER: Final = "/run/user/1000"
STATE_FOLDER: Final = "/home/user/.local/share/buildkit"


def buildkitd_toml(settings: Settings) -> str:
    """buildkitd.toml (moby/buildkit docs/buildkitd.toml.md): mirrors, plain-http registries, and room for the cache.
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
    """Beside the addresses. An entitlement that builds will ask for (`network.mode`) has to be allowed here."""
    made = [f"--addr={SOCKET}", f"--config={CONFIG_FOLDER}/{CONFIG_FILE}", "--oci-worker-no-process-sandbox"]
    return made + (["--allow-insecure-entitlement=network.host"] if settings.network.mode == "host" else [])


def security() -> SecurityContext:
    """Escalation stays allowed: newuidmap and newgidmap, which make the user namespace, are setuid."""
    return SecurityContext(
        runAsUser=USER,
        runAsGroup=USER,
        seccompProfile=SeccompProfile(type="Unconfined"),
        appArmorProfile=AppArmorProfile(type="Unconfined"),
    )


def alive() -> ExecAction:
    return ExecAction(command=["buildctl", f"--addr={SOCKET}", "debug", "workers"])


def startup_probe() -> Probe:
    """A node under load starts it late and answers late: two minutes at least, looked at each second."""
    return Probe(exec=alive(), periodSeconds=1, timeoutSeconds=10, failureThreshold=120)


def ca_environment(settings: Settings) -> list[EnvVar] | None:
    """Registries whose certificates a company signs: Go takes this file for the system's, beside its folders."""
    if not settings.kubernetes.ca_config_map:
        return None
    return [EnvVar(name="SSL_CERT_FILE", value=f"{CA_FOLDER}/ca.crt")]


def ca_mounts(settings: Settings) -> list[VolumeMount]:
    if not settings.kubernetes.ca_config_map:
        return []
    return [VolumeMount(name=CA_VOLUME, mountPath=CA_FOLDER, readOnly=True)]


def ca_volumes(settings: Settings, *, optional: bool = False) -> list[Volume]:
    """`optional`: a pod starts without the ConfigMap."""
    name = settings.kubernetes.ca_config_map
    if not name:
        return []
    return [Volume(name=CA_VOLUME, configMap=ConfigMapVolumeSource(name=name, optional=optional or None))]


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's escapes are among TOML's."""
    return msgspec.json.encode(text).decode()
