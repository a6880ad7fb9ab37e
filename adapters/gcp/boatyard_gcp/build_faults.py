"""Explains Cloud Build's errors, and names the role to grant.
https://cloud.google.com/build/docs/iam-roles-permissions"""

from typing import TYPE_CHECKING, Final, Literal

from boatyard.errors import BoatyardError, Code
from boatyard_gcp.build_settings import CloudBuildSettings
from boatyard_gcp.faults import NeededRole, explained, unreachable
from boatyard_serverless.faults import DATAPLANE, Fault

if TYPE_CHECKING:
    from boatyard_gcp.build_client import CloudBuildError

_RETRY_AFTER_SECONDS: Final = 30
_SOME_PERMISSION: Final = frozenset({"PERMISSION_DENIED", "IAM_PERMISSION_DENIED"})
_ACT_AS: Final = "iam.serviceAccounts.actAs"
_USE_POOL: Final = "cloudbuild.workerpools.use"


def explain(
    failed: "CloudBuildError", builder: CloudBuildSettings, verb: Literal["create", "get", "update"]
) -> BoatyardError:
    return _explained(failed, _of_project(builder, f"cloudbuild.builds.{verb}", "roles/cloudbuild.builds.editor"))


def refuse(failed: "CloudBuildError", builder: CloudBuildSettings) -> BoatyardError:
    """Explains why Cloud Build did not create a build."""
    refusal = failed.refusal
    if refusal is None:
        return explain(failed, builder, "create")
    if refusal.fault is Fault.THROTTLED:
        # https://cloud.google.com/build/quotas
        return BoatyardError(
            Code.TOO_MANY_BUILDS,
            f"the quota of project {builder.project} for Cloud Build is exhausted ({refusal.word})",
            retry_after_seconds=_RETRY_AFTER_SECONDS,
        )
    if refusal.permission == _ACT_AS:
        return _explained(failed, _of_account(builder))
    if refusal.permission == _USE_POOL:
        return _explained(failed, _of_project(builder, _USE_POOL, "roles/cloudbuild.workerPoolUser"))
    error = explain(failed, builder, "create")
    if refusal.word in _SOME_PERMISSION and not refusal.permission:  # Cloud Build often does not name the permission
        return BoatyardError(error.code, f"{error.detail}; and {_of_account(builder).advice()}")
    if refusal.fault is Fault.OTHER and failed.said:  # an error in Boatyard's request or configuration
        return BoatyardError(error.code, f"{error.detail}: {failed.said}")
    return error


def _explained(failed: "CloudBuildError", need: NeededRole) -> BoatyardError:
    if failed.refusal is None:
        return unreachable(need, failed.said, DATAPLANE)
    return explained(failed.refusal, need, DATAPLANE)


def _of_project(builder: CloudBuildSettings, permission: str, role: str) -> NeededRole:
    return NeededRole(
        permission=permission,
        resource=f"project {builder.project}",
        role=role,
        grant=f"gcloud projects add-iam-policy-binding {builder.project}",
    )


def _of_account(builder: CloudBuildSettings) -> NeededRole:
    return NeededRole(
        permission=_ACT_AS,
        resource=f"service account {builder.account}",
        role="roles/iam.serviceAccountUser",
        grant=f"gcloud iam service-accounts add-iam-policy-binding {builder.account}",
    )
