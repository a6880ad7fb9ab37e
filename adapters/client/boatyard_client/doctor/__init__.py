"""Checks whether images can be built, and says what to do where they cannot.

Against a service elsewhere, what can be known is what the service says. On this machine, with or without a
server, BuildKit, registry, network and disk are tried as a build would use them.
"""

from boatyard_client.doctor.checks import examine
from boatyard_client.doctor.finding import Finding, Level

__all__ = ["Finding", "Level", "examine"]
