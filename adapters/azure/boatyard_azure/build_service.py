"""ACR Tasks as the build service where there is no cluster: each build is a run of one stored task.

https://learn.microsoft.com/azure/container-registry/container-registry-tasks-overview. Decision 0034 has the reasons
for this form. There is no idempotency token: the job's own `started` object is the lock.
"""

import re
from functools import cached_property
from typing import TYPE_CHECKING, Final

from boatyard.errors import BoatyardError, Code, invalid
from boatyard_azure.build_faults import explain, refuse
from boatyard_azure.build_log import SasLog
from boatyard_azure.rest import AzureRest
from boatyard_azure.stored_task import LONGEST_SECONDS, RegistryItem, StoredTask, run_of
from boatyard_serverless.ports import Execution, RawLog, Unsure

if TYPE_CHECKING:
    from boatyard_azure.build_client import AcrTasksApi, DescribedRun

_SPARE_SECONDS: Final = 300
"""The job has its own deadline and reports it; the step's comes after that."""
_BUILD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}\Z")
"""ACR Tasks writes values into YAML and a shell's command without quoting them."""
_RUN: Final = re.compile(r"[A-Za-z0-9][\w-]{0,49}\Z")
_STATES: Final = frozenset({"waiting", "running"})


class AcrTasks:
    """Implements `boatyard_serverless.ports.BuildService`. An execution is the run's resource id."""

    def __init__(self, rest: AzureRest, task: StoredTask) -> None:
        self._rest = rest
        self._task = task
        self._log = SasLog(rest.transport, self._log_url)

    def start(self, build_id: str, *, timeout_seconds: int) -> str:
        from boatyard_azure.build_client import AcrTasksError

        if not _BUILD.match(build_id):
            raise invalid("a build's id has only letters, digits and dashes")
        timeout = min(timeout_seconds + _SPARE_SECONDS, LONGEST_SECONDS)
        try:
            made = self._api.schedule(self._task, {"build": build_id, "timeout": str(int(timeout))})
        except AcrTasksError as error:
            if not error.is_uncertain:
                raise refuse(error, self._task, assignee=self._assignee()) from None
            made = ""
        if not _RUN.match(made):
            raise Unsure
        return f"{self._task.registry_id}/runs/{made}"

    def look(self, execution: str) -> Execution | None:
        from boatyard_azure.build_client import AcrTasksError

        run = self._run(execution)
        try:
            seen = self._api.get(run) if run else None
        except AcrTasksError as error:
            raise explain(error, self._task, "runs/read", assignee=self._assignee()) from None
        return _execution(seen) if seen else None

    def stop(self, execution: str) -> None:
        """Raises DATAPLANE_UNAVAILABLE if ACR Tasks does not stop a run, as on agent pools."""
        from boatyard_azure.build_client import AcrTasksError

        run = self._run(execution)
        if run is None:
            return
        try:
            self._api.cancel(run)
        except AcrTasksError as error:
            # It is not published how the cancel of an ended run is refused.
            seen = self.look(execution)
            if seen is None or seen.state not in _STATES:
                return
            meant = explain(error, self._task, "runs/cancel/action", assignee=self._assignee())
            if error.refusal is None or meant.code != Code.DATAPLANE_UNAVAILABLE or not self._task.pool:
                raise meant from None
            detail = f"{meant.detail}. ACR Tasks may not cancel runs on agent pools; this one ends by its timeout"
            raise BoatyardError(meant.code, detail) from None

    def log(self, execution: str, cursor: str) -> RawLog | None:
        run = self._run(execution)
        return self._log.page(run, cursor) if run else None

    @cached_property
    def _api(self) -> "AcrTasksApi":
        from boatyard_azure.build_client import AcrTasksApi

        return AcrTasksApi(self._rest, self._task.subscription)

    def _run(self, execution: str) -> RegistryItem | None:
        """None for an execution that this task cannot have started."""
        run = run_of(execution)
        return run if run and run.registry_id.lower() == self._task.registry_id.lower() else None

    def _log_url(self, run: RegistryItem) -> str:
        from boatyard_azure.build_client import AcrTasksError

        try:
            return self._api.log_url(run)
        except AcrTasksError as error:
            raise explain(error, self._task, "runs/listLogSasUrl/action", assignee=self._assignee()) from None

    def _assignee(self) -> str:
        return self._rest.identity.assignee()


def _execution(seen: "DescribedRun") -> Execution:
    match seen.status:
        case "Started" | "Running":
            return Execution("running")
        case "Canceled":
            return Execution("stopped")
        case "Timeout":
            return Execution("timed_out")
        case "Succeeded" | "Failed" | "Error":
            return Execution("ended", f"ACR Tasks says {': '.join(filter(None, (seen.status, seen.message)))}")
        case "Queued":
            return Execution("waiting")
        case status if seen.finished:
            return Execution("ended", f"ACR Tasks says {status[:40]}")
        case _:
            return Execution("waiting")
