"""Checks whether images can be built, and gives advice.

For a remote service, it only knows what the service reports. On this machine, with or without a server, it tests
BuildKit, registry, network and disk as a build would use them. Another distribution examines clusters
(`boatyard.cluster_doctor`).
"""

from boatyard_client.doctor.checks import examine

__all__ = ["examine"]
