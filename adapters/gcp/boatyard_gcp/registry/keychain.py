"""Credentials for Artifact Registry: this identity's access token, only for Google's registries."""

from collections.abc import Callable

from boatyard.errors import BoatyardError, Code
from boatyard_gcp.identity import GoogleIdentity
from boatyard_gcp.registry.host import TOKEN_USER, is_google_registry
from boatyard_registry.credentials import HELPER_SECONDS, Credentials


class GoogleKeychain:
    """Implements `boatyard_registry.Keychain`."""

    def __init__(self, identity: GoogleIdentity, is_own: Callable[[str], bool] = is_google_registry) -> None:
        self._identity = identity
        self._is_own = is_own

    def resolve(self, host: str, *, seconds: float = HELPER_SECONDS) -> Credentials | None:
        """Raises REGISTRY_DENIED without credentials, REGISTRY_UNAVAILABLE if none can be obtained now."""
        if not self._is_own(host):
            return None
        try:
            return Credentials(username=TOKEN_USER, password=self._identity.token())
        except BoatyardError as error:
            denied = error.code == Code.DATAPLANE_DENIED
            raise BoatyardError(Code.REGISTRY_DENIED if denied else Code.REGISTRY_UNAVAILABLE, error.detail) from None
