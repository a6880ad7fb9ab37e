"""Finds credentials for a registry, independently of any request."""

from typing import Final, Protocol

import msgspec

HELPER_SECONDS: Final = 10.0
"""The default time limit of a credential helper."""


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """A name and a password, or an identity token (an OAuth2 refresh token), for one registry host."""

    username: str = ""
    password: str = ""
    identity_token: str = ""

    def __repr__(self) -> str:
        return f"Credentials(username={self.username!r}, …)"


class Keychain(Protocol):
    def resolve(self, host: str, *, seconds: float = HELPER_SECONDS) -> Credentials | None:
        """Returns the credentials for `host` (with its port, as in references), or None for anonymous access.

        Raises REGISTRY_UNAVAILABLE if they exist but cannot be read within `seconds`.
        """
        ...


class Anonymous:
    """A keychain without credentials."""

    def resolve(self, host: str, *, seconds: float = HELPER_SECONDS) -> Credentials | None:
        return None


class Chain:
    """Uses the first keychain with credentials for the host."""

    def __init__(self, *keychains: Keychain) -> None:
        self._keychains = keychains

    def resolve(self, host: str, *, seconds: float = HELPER_SECONDS) -> Credentials | None:
        for keychain in self._keychains:
            if found := keychain.resolve(host, seconds=seconds):
                return found
        return None
