"""Chooses the credential helper for the settings' `authenticationType`."""

import shutil
from typing import Final

from boatyard.settings import AuthenticationType

_HELPERS: Final[dict[AuthenticationType, str]] = {"aws": "boatyard-ecr"}
"""Names without Docker's prefix `docker-credential-`. Each answers "not found" for hosts outside of its cloud, and
Docker then continues without credentials."""


def credential_store(kind: AuthenticationType) -> str:
    """The value of `credsStore`; empty if the type needs no helper or this machine lacks it, since a laptop may have
    other logins."""
    helper = _HELPERS.get(kind, "")
    return helper if helper and shutil.which(f"docker-credential-{helper}") else ""
