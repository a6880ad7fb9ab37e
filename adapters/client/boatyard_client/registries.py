"""This machine's access to registries: the settings' trust, and the logins of `docker login`."""

import os
from collections.abc import Collection
from pathlib import Path

from boatyard.settings import Settings
from boatyard_client.endpoint import is_loopback
from boatyard_registry import DockerConfigKeychain, OciRegistry
from boatyard_registry.client import RegistryClient
from boatyard_registry.retries import Retries


def registry_of(settings: Settings, *, host: str = "") -> OciRegistry:
    """Asks with the credentials in the Docker config that the settings name, else this machine's.

    A registry on this machine (`host`) speaks plain http, as for Docker, whatever the settings say.
    """
    return OciRegistry(
        keychain=_keychain(settings),
        insecure=_insecure(settings, (host,)),
        ca_bundle=settings.network.ca_bundle,
        retries=Retries(attempts=2),
    )


def client_of(settings: Settings, *, hosts: Collection[str], timeout_seconds: float) -> RegistryClient:
    """The same for whole images, from several registries. The caller closes it."""
    return RegistryClient(
        keychain=_keychain(settings),
        insecure=_insecure(settings, hosts),
        ca_bundle=settings.network.ca_bundle,
        retries=Retries(attempts=2),
        timeout_seconds=timeout_seconds,
    )


def _keychain(settings: Settings) -> DockerConfigKeychain:
    folder = settings.buildkit.docker_config or os.environ.get("DOCKER_CONFIG") or "~/.docker"
    return DockerConfigKeychain.of_folder(Path(folder).expanduser())


def _insecure(settings: Settings, hosts: Collection[str]) -> tuple[str, ...]:
    return (*settings.insecure_registries, *(host for host in hosts if is_loopback(f"http://{host}")))
