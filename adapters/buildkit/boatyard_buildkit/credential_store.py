"""The credential helper that the settings' `authenticationType` means."""

import shutil
from typing import Final

from boatyard.settings import AuthenticationType

_HELPERS: Final[dict[AuthenticationType, str]] = {"aws": "boatyard-ecr"}
"""Without Docker's prefix `docker-credential-`. Each says "not found" for hosts that are not its cloud's, so Docker
goes on without credentials there."""


def credential_store(kind: AuthenticationType) -> str:
    """What `credsStore` should be; empty where the type needs no helper, or this machine has none: a laptop may well
    have logged in by other means."""
    helper = _HELPERS.get(kind, "")
    return helper if helper and shutil.which(f"docker-credential-{helper}") else ""
