"""The contract between `boatyard doctor --cluster` and the distribution that implements it, which offers its doctor as
an entry point (docs/decisions/0013)."""

from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from boatyard.finding import Finding, Level
from boatyard.ports import Scope
from boatyard.settings import Settings

GROUP: Final = "boatyard.doctor"
"""The entry point group. Its only name is `cluster`: a ClusterDoctor."""
NAME: Final = "cluster"


class NotExamined(Exception):
    """The cluster could not be examined at all. One line says why, another what to do."""

    def __init__(self, detail: str, advice: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.advice = advice


class ClusterRequest(msgspec.Struct, frozen=True, kw_only=True):
    scope: Scope
    """Whose builds."""
    context: str = ""
    """Context of the kubeconfig; empty for its current one, or the pod's service account inside a cluster."""
    kubeconfig: str = ""
    """Path of the kubeconfig; empty for the one that kubectl would read."""
    settings: Settings | None = None
    """Settings to use instead of those in the cluster."""
    project_settings: Settings | None = None
    """Settings to use if the cluster has none."""
    function_user: str = ""
    """The function's identity in the cluster; without user and groups, its role bindings decide."""
    function_groups: tuple[str, ...] = ()
    push: bool = True
    """Whether to build and push an image."""
    base_image: str = "python:3.12-slim"
    """The base image of that image."""
    wait_seconds: float = 0
    """How long each probe may take, including image pulls; 0 means slightly longer than a build may wait to start."""


class Prospect(msgspec.Struct, frozen=True, kw_only=True):
    """Whether builds will work in one topology."""

    topology: str
    """external, managed, daemonless, or none: the cluster may not run BuildKit."""
    chosen: bool
    """Whether the settings choose it."""
    deployed: bool | None = None
    """Whether its parts are deployed; None if unknown."""
    status: Level
    """ok: it will work; warn: no check speaks against it, but it is not deployed or was not tried; fail: it will not
    work; unknown: a decisive check could not run."""
    detail: str
    """The reason; `see <check>` if a check has it."""
    advice: str = ""


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    cluster: str
    """Address of the API server."""
    context: str
    user: str
    """The user's name in the cluster."""
    namespace: str
    """The namespace in which the scope's builds run."""
    settings: str
    """The source of the settings."""
    checks: tuple[Finding, ...]
    topologies: tuple[Prospect, ...]
    advice: str
    """What to do first; empty if builds will work."""

    @property
    def chosen(self) -> Prospect:
        return next(prospect for prospect in self.topologies if prospect.chosen)

    @property
    def healthy(self) -> bool:
        """Whether builds will work now. Also False if that is unknown."""
        return self.chosen.status is Level.OK


class ClusterDoctor(Protocol):
    def __call__(
        self, request: ClusterRequest, *, found: Callable[[Finding], None], waiting: Callable[[str], None]
    ) -> Diagnosis:
        """Examines the cluster. Calls `found` with each finding, and `waiting` repeatedly with what it waits for.

        Raises NotExamined if the cluster cannot be reached or no settings are known. It removes everything that it
        created in the cluster, however it ends, including by KeyboardInterrupt.
        """
        ...
