"""This machine's access to registries: the settings' trust, and the logins of `docker login`."""

import os
from pathlib import Path

from boatyard.settings import Settings
from boatyard_client.endpoint import is_loopback
from boatyard_registry import DockerConfigKeychain, OciRegistry
from boatyard_registry.retries import Retries


def registry_of(settings: Settings, *, host: str = "") -> OciRegistry:
    """Asks with the credentials in the Docker config that the settings name, else this machine's.

    A registry on this machine (`host`) speaks plain http, as for Docker, whatever the settings say.
    """
    folder = Path(settings.buildkit.docker_config or os.environ.get("DOCKER_CONFIG") or "~/.docker").expanduser()
    here = (host,) if is_loopback(f"http://{host}") else ()
    return OciRegistry(
        keychain=DockerConfigKeychain.of_folder(folder),
        insecure=(*settings.insecure_registries, *here),
        ca_bundle=settings.network.ca_bundle,
        retries=Retries(attempts=2),
    )
