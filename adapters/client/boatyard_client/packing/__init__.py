"""Packs files into a context: one deterministic archive for transport, tree digests for identity."""

from boatyard_client.packing.dockerignore import DockerIgnore
from boatyard_client.packing.packer import Packed, Packer, Progress, context_paths
from boatyard_client.packing.scan import Ignore

__all__ = ["DockerIgnore", "Ignore", "Packed", "Packer", "Progress", "context_paths"]
