"""Reads files into a context: tree digests first, and one deterministic archive only if the service needs it."""

from boatyard_client.packing.contents import Contents, Packed, ReadingProgress
from boatyard_client.packing.dockerignore import DockerIgnore
from boatyard_client.packing.packer import Packer, context_paths
from boatyard_client.packing.scan import Ignore

__all__ = ["Contents", "DockerIgnore", "Ignore", "Packed", "Packer", "ReadingProgress", "context_paths"]
