"""Artifact Registry for BuildKit: a real registry on loopback that takes pushes by Google's access tokens alone."""

from base64 import b64decode
from pathlib import Path

from boatyard_gcp.registry.host import TOKEN_USER
from tests.gcp.metadata_server import MetadataServer
from tests.registry.front import FrontedRegistry


class ImageRegistry(FrontedRegistry):
    def __init__(self, folder: Path, metadata: MetadataServer) -> None:
        self._metadata = metadata
        super().__init__(folder)

    def challenge(self, path: str) -> str:
        return 'Basic realm="Artifact Registry"'

    def token_of(self, path: str, authorization: str) -> str:
        user, _, token = b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        return token if user == TOKEN_USER and self._metadata.knows(f"Bearer {token}") else ""
