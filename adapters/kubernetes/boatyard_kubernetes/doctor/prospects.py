"""Derives from the findings which topologies will work, and what to change for the others."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from boatyard.cluster_doctor import Prospect
from boatyard.finding import Finding, Level
from boatyard_kubernetes.doctor.admission import DEPLOY, Admitted
from boatyard_kubernetes.doctor.sandbox import CHECKS as SANDBOX
from boatyard_kubernetes.topology import Topology

ORDER: Final = (Topology.MANAGED, Topology.DAEMONLESS, Topology.EXTERNAL)
"""The best first: warm caches, then nothing to operate, then a buildkitd operated by others."""
WITHOUT: Final = (Topology.NONE,)
"""Where the cluster may not run BuildKit, nothing that runs it is tried."""
_EVERYWHERE: Final = ("settings", "namespace", "rbac", "builder image", "workload identity")
"""Checks that apply to every topology."""
_OF_CHOSEN: Final = ("pod security", "admission", "buildkitd", "registry push")
"""Checks that tested the chosen topology."""
_DECISIVE: Final = ("builder image", "buildkitd", "admission", "user namespaces", "registry push")
"""Checks without which the result is unknown, unless a push worked."""
_TRY: Final = "Let it try a build (--push), as a user with all the rights that the checks need."
_CHANGE: Final = {
    Topology.EXTERNAL: "set buildkitUri to a buildkitd elsewhere",
    Topology.MANAGED: "deploy the managed buildkitd, leave buildkitUri out and set buildkit.enabled: true",
    Topology.DAEMONLESS: "leave buildkitUri out and set buildkit.enabled: false",
}


def order(chosen: Topology) -> tuple[Topology, ...]:
    """The topologies to examine, the best first."""
    return WITHOUT if chosen in WITHOUT else ORDER


class TopologySeen(NamedTuple):
    """What is known about one topology beyond the shown findings."""

    rootless: tuple[Finding, ...] = ()
    """Findings about nodes and a pod like its buildkitd's in its namespace; empty for a BuildKit elsewhere."""
    admitted: Admitted | None = None
    """The result of a dry run of its pods."""
    deployed: bool | None = None

    @property
    def tried(self) -> bool:
        """Whether a pod like its buildkitd's ran."""
        return any(finding.check in SANDBOX for finding in self.rootless)


def judge(chosen: Topology, findings: Sequence[Finding], seen: Mapping[Topology, TopologySeen]) -> tuple[Prospect, ...]:
    return tuple(
        _prospect(
            topology,
            topology is chosen,
            [f for f in findings if f.check in _EVERYWHERE or (topology is chosen and f.check in _OF_CHOSEN)],
            seen.get(topology, TopologySeen()),
            [f for other, s in seen.items() if other is not topology for f in s.rootless if f.check in SANDBOX],
        )
        for topology in order(chosen)
    )


def first_advice(prospects: Iterable[Prospect]) -> str:
    """What to do first, and the alternative; empty if builds will work."""
    by_name = {prospect.topology: prospect for prospect in prospects}
    chosen = next(prospect for prospect in by_name.values() if prospect.chosen)
    if chosen.status is Level.OK:
        return ""
    if chosen.status is Level.UNKNOWN:
        return chosen.advice or _TRY
    for level, words in ((Level.OK, "will work"), (Level.WARN, "has nothing against it, and was not tried")):
        if instead := next((t for t in ORDER if t in by_name and by_name[t].status is level), None):
            change = _CHANGE[instead]
            first = f"{chosen.advice} Or {change}" if chosen.advice else f"{change[0].upper()}{change[1:]}"
            return f"{first}: {instead} {words}."
    return chosen.advice


def _prospect(
    topology: Topology, chosen: bool, findings: Sequence[Finding], seen: TopologySeen, elsewhere: Sequence[Finding]
) -> Prospect:
    """`elsewhere`: results of pods in other topologies' namespaces, which may have other policies."""

    def made(status: Level, detail: str, advice: str = "") -> Prospect:
        return Prospect(
            topology=topology, chosen=chosen, deployed=seen.deployed, status=status, detail=detail, advice=advice
        )

    relevant = [*findings, *seen.rootless]
    admitted = seen.admitted
    # Prefers a failure whose advice does not refer to another.
    failures = sorted((f for f in relevant if f.status is Level.FAIL), key=lambda f: f.advice.startswith("Follow"))
    if failed := next(iter(failures), None):
        return made(Level.FAIL, f"see {failed.check}" if chosen else f"{failed.check}: {failed.detail}", failed.advice)
    if admitted and admitted.status is Level.FAIL:
        return made(Level.FAIL, admitted.detail, admitted.advice)
    if chosen and seen.deployed is False:
        return made(Level.FAIL, "its buildkitd is not deployed", DEPLOY)
    if any(f.check == "registry push" and f.status is Level.OK for f in findings):
        return made(Level.OK, "an image was built and pushed with it")
    if left := next((f for f in relevant if f.status is Level.UNKNOWN and f.check in _DECISIVE), None):
        return made(Level.UNKNOWN, f"see {left.check}", left.advice)
    if topology not in (Topology.EXTERNAL, Topology.NONE) and not seen.tried:
        if failed := next((f for f in elsewhere if f.status is Level.FAIL), None):
            return made(Level.UNKNOWN, f"not tried where it runs; a pod elsewhere: {failed.detail}", failed.advice)
        if chosen or topology is Topology.DAEMONLESS:
            return made(Level.UNKNOWN, "no pod could be tried on a node")
    if admitted is None:
        return made(Level.UNKNOWN, "its pods could not be tried")
    if admitted.status is Level.UNKNOWN:
        return made(Level.UNKNOWN, admitted.detail)
    if chosen:
        return made(Level.OK, "nothing that was found speaks against it")
    if topology is Topology.DAEMONLESS:
        return made(Level.OK, f"to use it, {_CHANGE[topology]}")
    state = {True: "deployed, not tried", False: "not deployed", None: "not tried"}[seen.deployed]
    return made(Level.WARN, f"{state}: to use it, {_CHANGE[topology]}")
