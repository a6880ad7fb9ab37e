"""Every port in memory: real implementations for tests, examples and a first look, not mocks.

They pass the same contract suites as the others (tests/contract), so a test that runs against them says
something about the rest.
"""

from boatyard.memory.clock import ManualClock
from boatyard.memory.contexts import MemoryContextStore
from boatyard.memory.deployment_key import MemoryDeploymentKey
from boatyard.memory.registry import MemoryRegistry
from boatyard.memory.runner import MemoryJobRunner
from boatyard.memory.secrets import MemorySecretStore

__all__ = [
    "ManualClock",
    "MemoryContextStore",
    "MemoryDeploymentKey",
    "MemoryJobRunner",
    "MemoryRegistry",
    "MemorySecretStore",
]
