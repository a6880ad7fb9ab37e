"""The task in ACR that runs builds. Terraform makes it; its content says what a run may do."""

import re
from typing import Final

import msgspec

from boatyard.errors import invalid

LONGEST_SECONDS: Final = 8 * 3600
"""Of a run (https://learn.microsoft.com/azure/container-registry/container-registry-tasks-reference-yaml)."""
_ID: Final = re.compile(
    r"(?P<registry>/subscriptions/(?P<subscription>[0-9A-Za-z-]+)/resourceGroups/(?P<group>[\w.()-]+)"
    r"/providers/Microsoft\.ContainerRegistry/registries/(?P<name>[A-Za-z0-9]{5,50}))"
    r"/(?P<kind>tasks|runs)/(?P<item>[A-Za-z0-9][\w-]{0,49})\Z",
    re.IGNORECASE,
)
_POOL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,19}\Z")


class RegistryItem(msgspec.Struct, frozen=True):
    """A task or a run of a registry, by its resource id."""

    registry_id: str
    subscription: str
    group: str
    registry: str
    name: str


class StoredTask(RegistryItem, frozen=True):
    pool: str = ""
    """Of agents; Azure's own machines without one."""

    @property
    def id(self) -> str:
        return f"{self.registry_id}/tasks/{self.name}"


def stored_task(task_id: str, pool: str = "") -> StoredTask:
    """Raises INVALID_SPEC for anything but a task's resource id and an agent pool's name."""
    found = _parsed(task_id, "tasks")
    if found is None:
        raise invalid(f"{task_id[:200]!r} is not the resource id of a task of a registry")
    if pool and not _POOL.match(pool):
        raise invalid(f"{pool[:40]!r} is not the name of an agent pool")
    return StoredTask(**msgspec.structs.asdict(found), pool=pool)


def run_of(execution: str) -> RegistryItem | None:
    """The run that an execution names; None for another text."""
    return _parsed(execution, "runs")


def _parsed(text: str, kind: str) -> RegistryItem | None:
    found = _ID.match(text)
    if found is None or found["kind"].lower() != kind:
        return None
    return RegistryItem(found["registry"], found["subscription"], found["group"], found["name"], found["item"])
