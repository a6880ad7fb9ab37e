"""Checks whether images can be built, and says what to do where they cannot.

Against a service elsewhere, what can be known is what the service says. On this machine, with or without a
server, BuildKit, registry, network and disk are tried as a build would use them. What looks at a cluster comes
with another distribution (`boatyard.cluster_doctor`).
"""

from boatyard_client.doctor.checks import examine

__all__ = ["examine"]
