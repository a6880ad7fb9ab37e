"""Reads the current credentials of `docker login` at each request."""

from pathlib import Path

from boatyard.errors import BoatyardError, Code
from boatyard_local.engine import login
from boatyard_registry import Credentials, DockerConfigKeychain
from boatyard_registry.credentials import HELPER_SECONDS


class DockerLogin:
    """A `boatyard_registry.Keychain`. The file is small, and reading it costs less than a request."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def resolve(self, host: str, *, seconds: float = HELPER_SECONDS) -> Credentials | None:
        try:
            login.follow(self._folder)
            return DockerConfigKeychain.of_folder(self._folder).resolve(host, seconds=seconds)
        except (BoatyardError, OSError) as error:
            # The operator has to repair a broken file, so the error must not blame the caller's spec.
            raise BoatyardError(Code.REGISTRY_UNAVAILABLE, f"no credentials for {host}: {error}") from None
