"""The login for the registries of this identity's cloud, and for no others."""

from boatyard_azure.registry.exchange import RefreshTokens
from boatyard_azure.registry.host import is_azure_registry
from boatyard_registry.credentials import HELPER_SECONDS, Credentials


class AcrKeychain:
    """Implements `boatyard_registry.Keychain`. `suffix` is the one of the cloud's registries."""

    def __init__(self, tokens: RefreshTokens, suffix: str) -> None:
        self._tokens = tokens
        self._suffix = suffix

    def resolve(self, host: str, *, seconds: float = HELPER_SECONDS) -> Credentials | None:
        """Raises like `RefreshTokens.of`."""
        return Credentials(identity_token=self._tokens.of(host)) if is_azure_registry(host, self._suffix) else None
