"""In-memory implementations of every port, for tests and examples. They are complete, and not mocks.

They pass the same contract suites as the others (tests/contract), so tests that use them are meaningful for the
others.
"""

from boatyard.memory.clock import ManualClock
from boatyard.memory.contexts import MemoryContextStore
from boatyard.memory.registry import MemoryRegistry
from boatyard.memory.runner import MemoryJobRunner
from boatyard.memory.secrets import MemoryDeploymentKey, MemorySecretStore

__all__ = [
    "ManualClock",
    "MemoryContextStore",
    "MemoryDeploymentKey",
    "MemoryJobRunner",
    "MemoryRegistry",
    "MemorySecretStore",
]
