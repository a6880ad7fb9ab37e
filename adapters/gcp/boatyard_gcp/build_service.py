"""Runs builds in Cloud Build, for deployments without a cluster: one privileged step that starts an engine.

https://cloud.google.com/build/docs/api/reference/rest/v1/projects.builds. Decision 0027 explains the form of the build.
There is no idempotency token: the job's own `started` object is the lock.
"""

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from boatyard.errors import BoatyardError, invalid
from boatyard_gcp.build_faults import explain, refuse
from boatyard_gcp.build_log import BucketLog
from boatyard_gcp.build_settings import CloudBuildSettings
from boatyard_gcp.rest import GoogleRest
from boatyard_serverless.ports import Execution, RawLog, Unsure

if TYPE_CHECKING:
    from boatyard_gcp.build_client import CloudBuildApi, DescribedBuild

COMMAND: Final = ("python", "-m", "boatyard_gcp.build_step")
ENGINE_ROOT: Final = "/workspace/boatyard-engine"
"""The volume that every step has. A named volume must be used by at least two steps."""
_SPARE_SECONDS: Final = 300
"""The job has its own deadline and reports it; Cloud Build's timeout is later."""
_MOST_SECONDS: Final = 24 * 3600
_EXECUTION: Final = re.compile(r"(projects/[^/]+/locations/[^/]+)/builds/([A-Za-z0-9-]+)\Z")
_WAITING: Final = frozenset({"STATUS_UNKNOWN", "PENDING", "QUEUED"})
_ENDS: Final = frozenset({"SUCCESS", "FAILURE", "INTERNAL_ERROR", "EXPIRED"})
_ENDED_ALREADY: Final = frozenset({"FAILED_PRECONDITION", "NOT_FOUND"})


class CloudBuild:
    """Implements `boatyard_serverless.ports.BuildService`. An execution is the build's full resource name."""

    def __init__(self, rest: GoogleRest, builder: CloudBuildSettings) -> None:
        """Raises INVALID_SPEC for an invalid location of logs, and for a machine type together with a pool."""
        if builder.pool and builder.machine:
            raise invalid("a private pool sets the machine type itself: name a pool or a machine type")
        self._rest = rest
        self._builder = builder
        self._log = BucketLog(rest, builder.logs)

    def start(self, build_id: str, *, timeout_seconds: int) -> str:
        from boatyard_gcp.build_client import CloudBuildError

        parent = self._builder.parent
        try:
            made = self._client.create(parent, self._build(build_id, timeout_seconds))
        except CloudBuildError as failed:
            if not failed.is_uncertain:
                raise refuse(failed, self._builder) from None
            made = self._lost(build_id)
        return f"{parent}/builds/{made}"

    def look(self, execution: str) -> Execution | None:
        from boatyard_gcp.build_client import CloudBuildError

        try:
            seen = self._client.get(execution)
        except CloudBuildError as failed:
            raise explain(failed, self._builder, "get") from None
        return _execution(seen, self._builder) if seen else None

    def stop(self, execution: str) -> None:
        from boatyard_gcp.build_client import CloudBuildError

        try:
            self._client.cancel(execution)
        except CloudBuildError as failed:
            # A build that has ended cannot be cancelled: 400 FAILED_PRECONDITION.
            if failed.refusal is None or failed.refusal.word not in _ENDED_ALREADY:
                raise explain(failed, self._builder, "update") from None

    def log(self, execution: str, cursor: str) -> RawLog | None:
        named = _EXECUTION.match(execution)
        return self._log.page(named[2], cursor) if named else None

    @cached_property
    def _client(self) -> "CloudBuildApi":
        from boatyard_gcp.build_client import CloudBuildApi

        return CloudBuildApi(self._rest)

    def _build(self, build_id: str, timeout_seconds: int) -> dict[str, Any]:
        builder = self._builder
        options: dict[str, Any] = {
            "logging": "GCS_ONLY",
            "log_streaming_option": "STREAM_ON",
            "substitution_option": "ALLOW_LOOSE",
        }
        if builder.pool:
            options["pool"] = {"name": builder.pool}
        if builder.machine:
            options["machine_type"] = builder.machine
        if builder.disk_gb:
            options["disk_size_gb"] = builder.disk_gb
        entrypoint, *arguments = COMMAND
        variables = {
            "BOATYARD_BUILD_ID": build_id,
            "BOATYARD_BUCKET": builder.bucket,
            "BOATYARD_PROJECT": builder.project,
            "BOATYARD_SECRET_PREFIX": builder.secret_prefix,
            "BOATYARD_ENGINE_ROOT": ENGINE_ROOT,
        }
        environment = [f"{name}={value.replace('$', '$$')}" for name, value in variables.items()]
        return {
            "steps": [
                {
                    "id": "build",
                    "name": builder.image,
                    "entrypoint": entrypoint,
                    "args": arguments,
                    "env": [*environment, "BOATYARD_EXECUTION=$BUILD_ID"],
                }
            ],
            "timeout": {"seconds": min(timeout_seconds + _SPARE_SECONDS, _MOST_SECONDS)},
            "queue_ttl": {"seconds": builder.queue_seconds},
            "service_account": f"projects/{builder.project}/serviceAccounts/{builder.account}",
            "logs_bucket": builder.logs.rstrip("/"),
            "options": options,
            "tags": ["boatyard", build_id],
        }

    def _lost(self, build_id: str) -> str:
        """Finds the build whose answer was lost. Raises Unsure if there is none yet."""
        from boatyard_gcp.build_client import CloudBuildError

        try:
            found = self._client.find(self._builder.parent, build_id)
        except (CloudBuildError, BoatyardError):
            found = None
        if found is None:
            raise Unsure
        return found


def _execution(seen: "DescribedBuild", builder: CloudBuildSettings) -> Execution:
    match seen.status:
        case "WORKING":
            return Execution("running")
        case "CANCELLED":
            return Execution("stopped")
        case "TIMEOUT":
            return Execution("timed_out")
        case "EXPIRED":
            return Execution("ended", f"no machine was free for the build within {builder.queue_seconds} seconds")
        case status if status in _WAITING or (status not in _ENDS and not seen.finished):
            return Execution("waiting")
        case status:
            said = ": ".join(filter(None, (status, seen.failure, seen.detail)))
            return Execution("ended", f"Cloud Build reports {said}")
