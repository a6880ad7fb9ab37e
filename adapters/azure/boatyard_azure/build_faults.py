"""What refusals of ACR Tasks mean, and the role to grant."""

from typing import TYPE_CHECKING, Final, Literal

from boatyard.errors import BoatyardError, Code
from boatyard_azure.faults import NeededAzureRole, explained, unreachable
from boatyard_azure.stored_task import StoredTask
from boatyard_serverless.faults import DATAPLANE, Fault

if TYPE_CHECKING:
    from boatyard_azure.build_client import AcrTasksError

Verb = Literal["scheduleRun/action", "runs/read", "runs/cancel/action", "runs/listLogSasUrl/action"]
_ROLE: Final = "Container Registry Tasks Contributor"
_RETRY_AFTER_SECONDS: Final = 30
_NOT_FOUND: Final = 404
_NOT_ALLOWED: Final = "TasksOperationsNotAllowed"
"""Subscriptions with free credits only (https://aka.ms/acr/tasks/disabled)."""


def explain(error: "AcrTasksError", task: StoredTask, verb: Verb, *, assignee: str = "") -> BoatyardError:
    need = NeededAzureRole(
        permission=f"Microsoft.ContainerRegistry/registries/{verb}",
        resource=f"the registry {task.registry}",
        role=_ROLE,
        scope=task.registry_id,
    )
    if error.refusal is None:
        return unreachable(need, error.said, DATAPLANE)
    return explained(error.refusal, need, DATAPLANE, assignee=assignee)


def refuse(error: "AcrTasksError", task: StoredTask, *, assignee: str = "") -> BoatyardError:
    """Why a run was not taken."""
    refusal, meant = error.refusal, explain(error, task, "scheduleRun/action", assignee=assignee)
    if refusal is None:
        return meant
    if refusal.word == _NOT_ALLOWED:
        detail = f"ACR Tasks are not available to the subscription {task.subscription}: ask Azure's support for them"
        return BoatyardError(Code.DATAPLANE_DENIED, detail)
    if refusal.fault is Fault.THROTTLED:
        detail = f"the registry {task.registry} accepts no more runs for now ({refusal.status} {refusal.word})"
        return BoatyardError(Code.TOO_MANY_BUILDS, detail, retry_after_seconds=_RETRY_AFTER_SECONDS)
    if refusal.status == _NOT_FOUND:
        return BoatyardError(Code.DATAPLANE_DENIED, f"there is no task {task.id}, or this identity may not see it")
    if refusal.fault is Fault.OTHER and error.said:  # of our own request and configuration
        return BoatyardError(meant.code, f"{meant.detail}: {error.said}")
    return meant
