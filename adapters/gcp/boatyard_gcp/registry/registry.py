"""The Registry port over Artifact Registry.

Images are looked up as in any OCI registry, with this identity's access token. Artifact Registry's API answers what the
protocol cannot: whether a repository is missing, and whether a tag may move. The function's service account
needs roles/artifactregistry.reader on the repository, in another project too.
"""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

from boatyard.build import Image
from boatyard.errors import BoatyardError, Code
from boatyard.reference import Reference
from boatyard_gcp.registry.host import GarRepository, repository_of
from boatyard_gcp.registry.keychain import GoogleKeychain
from boatyard_gcp.registry.repositories import GarRepositories
from boatyard_gcp.rest import GoogleRest
from boatyard_registry import OciRegistry
from boatyard_serverless.faults import REGISTRY
from boatyard_serverless.registries import NewRepositories

_TIMEOUT_SECONDS: Final = 10.0


class ArtifactRegistry:
    """Implements `boatyard.ports.Registry` for Google's registries. Thread-safe."""

    def __init__(
        self,
        rest: GoogleRest,
        new: NewRepositories | None = None,
        *,
        timeout_seconds: float = _TIMEOUT_SECONDS,
        images: OciRegistry | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._images = images or OciRegistry(
            keychain=GoogleKeychain(rest.identity), transport=rest.transport, timeout_seconds=timeout_seconds
        )
        self._repositories = GarRepositories(rest, new or NewRepositories(), sleep=sleep)
        self._known: set[GarRepository] = set()
        self._lock = threading.Lock()

    def find(self, reference: Reference, platforms: Iterable[str]) -> Image | None:
        """See the port.

        A caller that names platforms is about to build. So a missing repository is created, or is REPOSITORY_NOT_FOUND.
        For other callers there is no image.
        """
        wanted = tuple(dict.fromkeys(platforms))
        try:
            found = self._images.find(reference, wanted)
        except BoatyardError as error:
            # A missing repository is 403 for a caller that may not list the project's repositories.
            if wanted and error.code == Code.REGISTRY_DENIED and self._is_missing(reference):
                return None
            raise
        if found is None and wanted:
            self._is_missing(reference)
        return found

    def replaceable(self, reference: Reference) -> bool:
        """See the port. A caller that may not read the repository's settings learns it from the push."""
        repository = repository_of(reference)
        if repository is None:
            return True
        try:
            settings = self._repositories.find(repository)
        except BoatyardError as error:
            if error.code != REGISTRY.denied:
                raise
            return True
        if settings is None:
            self._repositories.make(repository)
            return True
        return not settings.docker_config.immutable_tags or self._images.find(reference, ()) is None

    def _is_missing(self, reference: Reference) -> bool:
        """Creates the repository if it is missing. Checks each existing one only once.

        Raises REPOSITORY_NOT_FOUND if none may be created. False for a caller that may not check.
        """
        repository = repository_of(reference)
        with self._lock:
            if repository is None or repository in self._known:
                return False
        try:
            missing = self._repositories.find(repository) is None
        except BoatyardError as error:
            if error.code != REGISTRY.denied:
                raise
            return False
        if missing:
            self._repositories.make(repository)
        with self._lock:
            self._known.add(repository)
        return missing
