"""Looks up images in any OCI distribution registry. BuildKit pushes them.

Protocol: https://github.com/opencontainers/distribution-spec (v1.1) and Docker's token authentication
(https://distribution.github.io/distribution/spec/auth/token/).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from boatyard_registry.credentials import Anonymous, Chain, Credentials, Keychain
    from boatyard_registry.docker_config import DockerConfigKeychain
    from boatyard_registry.registry import OciRegistry

__all__ = [
    "Anonymous",
    "Chain",
    "Credentials",
    "DockerConfigKeychain",
    "Keychain",
    "OciRegistry",
]
_MODULES: Final = {"DockerConfigKeychain": "docker_config", "OciRegistry": "registry"}


def __getattr__(name: str) -> Any:
    """Imports names on first use: a function that only parses manifests, as with ECR, needs no HTTP client."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'credentials')}"), name)
