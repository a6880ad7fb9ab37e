"""Decides which builds a function carries out itself. What needs a RUN goes to another build service."""

from boatyard.job_steps import needs_run
from boatyard_serverless.builds.ledger import BucketLedger
from boatyard_serverless.inline.service import PREFIX, InlineBuilds
from boatyard_serverless.ports import BuildService, Execution, RawLog


class InlineOrOther:
    """Implements BuildService: builds without a RUN are the function's, all others the other service's."""

    def __init__(self, inline: InlineBuilds, other: BuildService, ledger: BucketLedger) -> None:
        self._inline = inline
        self._other = other
        self._ledger = ledger

    def start(self, build_id: str, *, timeout_seconds: int) -> str:
        held = self._ledger.get(build_id)
        is_ours = held is not None and not needs_run(held.record.job)
        return (self._inline if is_ours else self._other).start(build_id, timeout_seconds=timeout_seconds)

    def look(self, execution: str) -> Execution | None:
        return self._of(execution).look(execution)

    def stop(self, execution: str) -> None:
        self._of(execution).stop(execution)

    def log(self, execution: str, cursor: str) -> RawLog | None:
        return self._of(execution).log(execution, cursor)

    def _of(self, execution: str) -> BuildService:
        return self._inline if execution.startswith(PREFIX) else self._other
