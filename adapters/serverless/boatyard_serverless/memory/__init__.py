"""In-memory implementations of every port in `boatyard_serverless.ports`."""

from boatyard_serverless.memory.bucket import MemoryBucket
from boatyard_serverless.memory.build_service import MemoryBuildService
from boatyard_serverless.memory.messages import MemoryDeadLetters, MemoryWorkQueue
from boatyard_serverless.memory.secrets import MemoryKeySecret, MemorySecretService
from boatyard_serverless.memory.telemetry import MemoryTelemetry

__all__ = [
    "MemoryBucket",
    "MemoryBuildService",
    "MemoryDeadLetters",
    "MemoryKeySecret",
    "MemorySecretService",
    "MemoryTelemetry",
    "MemoryWorkQueue",
]
