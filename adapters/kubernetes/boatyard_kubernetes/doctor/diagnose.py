"""All checks, and what follows from them: which topology will work."""

import time
from collections.abc import Callable
from typing import Final

import msgspec

from boatyard.ports import JobRunner, Scope
from boatyard.settings import Settings
from boatyard_kubernetes.cluster import Cluster
from boatyard_kubernetes.doctor.finding import Finding, Verdict
from boatyard_kubernetes.doctor.identity import check_identity
from boatyard_kubernetes.doctor.nodes import check_nodes
from boatyard_kubernetes.doctor.probe import check_from_inside
from boatyard_kubernetes.doctor.push import check_push
from boatyard_kubernetes.doctor.rights import check_rights
from boatyard_kubernetes.names import namespace_of
from boatyard_kubernetes.topology import Topology, choose

_ROOTLESS: Final = ("nodes", "user namespaces")
"""Checks that only matter where BuildKit runs in this cluster."""


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    findings: tuple[Finding, ...]
    chosen: Topology
    works: tuple[Topology, ...]
    """Topologies that nothing that was found speaks against, the best first."""

    @property
    def healthy(self) -> bool:
        """Whether the chosen topology is among those that work, and nothing else failed."""
        return self.chosen in self.works

    @property
    def advice(self) -> str:
        """One sentence: what to do first."""
        if self.healthy:
            return "Builds will work."
        ours = next((f for f in self.findings if f.verdict is Verdict.FAILED and f.check not in _ROOTLESS), None)
        if ours:
            return ours.advice
        return "BuildKit cannot run in this cluster as it is: set buildkitUri, or follow the advice on the nodes."


def doctor_cluster(
    cluster: Cluster,
    settings: Settings,
    scope: Scope,
    *,
    runner: JobRunner | None = None,
    wait_seconds: float = 180,
    pause: Callable[[float], None] = time.sleep,
) -> Diagnosis:
    """Looks at the cluster for builds of `scope`. With a `runner` it also builds and pushes a tiny image.

    It may be run by a person with more rights than the function: reading the service account and the nodes is
    not among the function's, and is UNKNOWN without. Creates one or two small Jobs. Raises nothing foreseen but
    DATAPLANE_DENIED for a namespace template that makes no name.
    """
    namespace = namespace_of(settings.kubernetes, scope)
    chosen = choose(settings)
    findings = [
        check_rights(cluster, settings, namespace),
        check_identity(cluster, settings, namespace),
        check_nodes(cluster, settings.kubernetes.node_selector),
    ]
    where = settings.kubernetes.buildkit_namespace if chosen is Topology.MANAGED else namespace
    if chosen is not Topology.EXTERNAL:
        findings.append(check_from_inside(cluster, settings, where, wait_seconds=wait_seconds, pause=pause))
    if runner is not None:
        for check, repository in (
            ("registry push", settings.default_repository),
            ("cache push", settings.cache.repository),
        ):
            if repository:
                findings.append(
                    check_push(runner, settings, scope, repository, check=check, wait_seconds=wait_seconds, pause=pause)
                )
    return Diagnosis(findings=tuple(findings), chosen=chosen, works=_works(findings))


def _works(findings: list[Finding]) -> tuple[Topology, ...]:
    failed = {finding.check for finding in findings if finding.verdict is Verdict.FAILED}
    if failed - set(_ROOTLESS):
        return ()
    if failed:
        return (Topology.EXTERNAL,)
    return (Topology.MANAGED, Topology.DAEMONLESS, Topology.EXTERNAL)
