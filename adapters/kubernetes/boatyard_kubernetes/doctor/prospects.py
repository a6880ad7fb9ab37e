"""What the findings mean for each topology: which will work, and what to change for the others."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from boatyard.cluster_doctor import Prospect
from boatyard.finding import Finding, Level
from boatyard_kubernetes.doctor.admission import Admitted
from boatyard_kubernetes.doctor.sandbox import CHECKS as SANDBOX
from boatyard_kubernetes.topology import Topology

ORDER: Final = (Topology.MANAGED, Topology.DAEMONLESS, Topology.EXTERNAL)
"""The best first: caches that stay warm, then nothing to run, then something that somebody else runs."""
_EVERYWHERE: Final = ("settings", "namespace", "rbac", "builder image", "workload identity")
"""Checks that say something of every topology."""
_OF_CHOSEN: Final = ("admission", "buildkitd", "registry push")
"""Checks that tried what the settings ask for."""
_DECISIVE: Final = ("builder image", "buildkitd", "admission", "user namespaces")
"""Without an answer to these nothing can be promised, but for a push that worked."""
_TRY: Final = "Let a build be tried (--push), as somebody who may do all that is looked at."
_CHANGE: Final = {
    Topology.EXTERNAL: "set buildkitUri to a buildkitd elsewhere",
    Topology.MANAGED: "leave buildkitUri out and set buildkit.enabled: true",
    Topology.DAEMONLESS: "leave buildkitUri out and set buildkit.enabled: false",
}


def judge(
    chosen: Topology, findings: Sequence[Finding], rootless: Sequence[Finding], admitted: Mapping[Topology, Admitted]
) -> tuple[Prospect, ...]:
    """`rootless`: what was found of nodes, as it is for a BuildKit on them. `admitted`: what a dry run of each said."""
    return tuple(
        _prospect(
            topology,
            topology is chosen,
            [f for f in findings if f.check in _EVERYWHERE or (topology is chosen and f.check in _OF_CHOSEN)],
            rootless if topology is not Topology.EXTERNAL else None,
            admitted.get(topology),
        )
        for topology in ORDER
    )


def first_advice(prospects: Iterable[Prospect]) -> str:
    """What to do first, and what would do instead; empty if builds will work."""
    by_name = {prospect.topology: prospect for prospect in prospects}
    chosen = next(prospect for prospect in by_name.values() if prospect.chosen)
    if chosen.status is Level.OK:
        return ""
    if chosen.status is Level.UNKNOWN:
        return chosen.advice or _TRY
    instead = next((t for t in ORDER if by_name[t].status is Level.OK), None)
    if instead is None:
        return chosen.advice
    change = _CHANGE[instead]
    first = f"{chosen.advice} Or {change}" if chosen.advice else f"{change[0].upper()}{change[1:]}"
    return f"{first}: {instead} will work."


def _prospect(
    topology: Topology,
    chosen: bool,
    findings: Sequence[Finding],
    rootless: Sequence[Finding] | None,
    admitted: Admitted | None,
) -> Prospect:
    def made(status: Level, detail: str, advice: str = "") -> Prospect:
        return Prospect(topology=topology, chosen=chosen, status=status, detail=detail, advice=advice)

    relevant = [*findings, *(rootless or ())]
    if failed := next((f for f in relevant if f.status is Level.FAIL), None):
        return made(Level.FAIL, f"see {failed.check}", failed.advice)
    if admitted and admitted.status is Level.FAIL:
        return made(Level.FAIL, admitted.detail, admitted.advice)
    if any(f.check == "registry push" and f.status is Level.OK for f in findings):
        return made(Level.OK, "an image was built and pushed with it")
    if left := next((f for f in relevant if f.status is Level.UNKNOWN and f.check in _DECISIVE), None):
        return made(Level.UNKNOWN, f"see {left.check}", left.advice)
    if rootless is not None and not any(f.check in SANDBOX for f in rootless):
        return made(Level.UNKNOWN, "no pod could be tried on a node")
    if admitted is None:
        return made(Level.UNKNOWN, "its pods could not be tried")
    if admitted.status is Level.UNKNOWN:
        return made(Level.UNKNOWN, admitted.detail)
    return made(Level.OK, "nothing that was found speaks against it" if chosen else f"to use it, {_CHANGE[topology]}")
