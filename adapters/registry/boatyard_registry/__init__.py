"""Any OCI distribution registry: looks images up. Pushing is BuildKit's.

Protocol: https://github.com/opencontainers/distribution-spec (v1.1) and Docker's token authentication
(https://distribution.github.io/distribution/spec/auth/token/).
"""

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
