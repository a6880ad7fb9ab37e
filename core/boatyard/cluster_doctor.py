"""What `boatyard doctor --cluster` asks, and what it is told: the contract between the command line and the
distribution that knows the cluster, which offers its doctor as an entry point (docs/decisions/0013)."""

from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from boatyard.finding import Finding, Level
from boatyard.ports import Scope
from boatyard.settings import Settings

GROUP: Final = "boatyard.doctor"
"""The entry point group. Its one name so far is `cluster`: a ClusterDoctor."""
NAME: Final = "cluster"


class NotExamined(Exception):
    """The cluster could not be examined at all: one line says why, another what to do."""

    def __init__(self, detail: str, advice: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.advice = advice


class ClusterRequest(msgspec.Struct, frozen=True, kw_only=True):
    scope: Scope
    """Whose builds."""
    context: str = ""
    """Of the kubeconfig; empty for its current one, or the pod's own service account inside a cluster."""
    kubeconfig: str = ""
    """A file; empty for what kubectl would read."""
    settings: Settings | None = None
    """Settings to go by instead of those in the cluster."""
    project_settings: Settings | None = None
    """Settings to go by where the cluster has none."""
    function_user: str = ""
    """Who the function is to the cluster; with no user and no groups its role bindings tell."""
    function_groups: tuple[str, ...] = ()
    push: bool = True
    """Whether an image is built and pushed."""
    base_image: str = "python:3.12-slim"
    """What that image is built on."""
    wait_seconds: float = 0
    """How long each probe may take, image pull included; 0 is somewhat longer than a build may wait to start."""


class Prospect(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of builds in one topology."""

    topology: str
    """external, managed or daemonless."""
    chosen: bool
    """Whether the settings ask for it."""
    deployed: bool | None = None
    """Whether what it needs is there; None if that is not known."""
    status: Level
    """ok: it will work; warn: nothing speaks against it, and it is not deployed or was not tried; fail: it will not
    work; unknown: something decisive could not be looked at."""
    detail: str
    """Why; `see <check>` where a check says it."""
    advice: str = ""


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    cluster: str
    """Address of the API server."""
    context: str
    user: str
    """Who asked, in the cluster's own words."""
    namespace: str
    """Where the builds of the scope run."""
    settings: str
    """Where the settings are from."""
    checks: tuple[Finding, ...]
    topologies: tuple[Prospect, ...]
    advice: str
    """What to do first; empty if builds will work."""

    @property
    def chosen(self) -> Prospect:
        return next(prospect for prospect in self.topologies if prospect.chosen)

    @property
    def healthy(self) -> bool:
        """Whether builds will work as things are. False, too, if that cannot be told."""
        return self.chosen.status is Level.OK


class ClusterDoctor(Protocol):
    def __call__(
        self, request: ClusterRequest, *, found: Callable[[Finding], None], waiting: Callable[[str], None]
    ) -> Diagnosis:
        """`found` is told each finding as it is made, `waiting` what takes time now, again and again.

        Raises NotExamined if the cluster cannot be asked at all, or no settings are known. Whatever ends it
        early, KeyboardInterrupt included, what it made in the cluster is taken away again.
        """
        ...
