"""Turns the results of pods in the cluster into findings: image, workload identity, buildkitd, node."""

import time
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from lightkube.resources.batch_v1 import Job

from boatyard.decoding import Undecodable, decode_json
from boatyard.finding import Finding, fail, ok, unknown, warn
from boatyard.settings import Settings
from boatyard_kubernetes.cluster import Cluster
from boatyard_kubernetes.doctor import daemon, probe, sandbox, seen
from boatyard_kubernetes.doctor.identity import Account, check_identity, find_account
from boatyard_kubernetes.doctor.platform import ClusterPlatform
from boatyard_kubernetes.doctor.probe_jobs import node_job, place_job
from boatyard_kubernetes.doctor.refusal import ASK
from boatyard_kubernetes.topology import Topology

_NODE: Final = "a pod like buildkitd's"
_PLACE: Final = "a pod like a build's"
_IMAGE: Final = "builder image"
_SANDBOX: Final = "sandbox"
_LONGER: Final = "Give it longer: --wait."
_MAKE_IT: Final = "`make builder-image` makes one with all that a job needs: name it in kubernetes.builderImage."
_NAME_IT: Final = "Name an image that nodes can pull in kubernetes.builderImage, with kubernetes.imagePullSecrets."


class InsideFindings(msgspec.Struct, frozen=True):
    place: list[Finding]
    """Findings about builds: builder image, workload identity, buildkitd."""
    node: dict[Topology, list[Finding]]
    """Findings about the node for each rootless BuildKit in its namespace; none for one that is not admitted."""


def look_from_inside(
    cluster: Cluster,
    settings: Settings,
    namespace: str,
    daemon_namespaces: Mapping[Topology, str],
    *,
    platform: ClusterPlatform,
    wait_seconds: float,
    waiting: Callable[[str], None],
    pause: Callable[[float], None] = time.sleep,
) -> InsideFindings:
    """`daemon_namespaces`: the namespaces of topologies that admit a pod like their rootless buildkitd's."""
    account = find_account(cluster, settings, namespace)
    daemons = daemon.find_daemons(cluster, settings, namespace)
    jobs: dict[str, Job] = {}
    asked = bool(settings.kubernetes.builder_image)
    if asked and isinstance(account, Account):
        known = daemons if isinstance(daemons, daemon.Daemons) else daemon.Daemons((), False)
        jobs[_PLACE] = place_job(settings, namespace, wait_seconds, known.addresses, tls=known.tls)
    for topology, home in daemon_namespaces.items() if asked else ():
        jobs[f"{_NODE} in {home}"] = node_job(settings, topology, home, wait_seconds)
    answers = probe.run(cluster, jobs, wait_seconds=wait_seconds, waiting=waiting, pause=pause)
    sight, image = _image(settings, answers.get(_PLACE), wait_seconds)
    place = [image] if image else []
    if isinstance(account, Account):
        place.append(check_identity(settings, account, sight.identity if sight else None, platform))
    else:
        place.append(account)
    if isinstance(daemons, Finding):
        place.append(daemons)
    elif daemons is not None:
        not_tried = unknown("buildkitd", "no pod ran to reach it")
        place.append(daemon.judge(daemons, sight.buildkitd) if sight else not_tried)
    if sight and sight.confines is not None and settings.layers == "registry":
        place.append(_confined(sight.confines, settings))
    nodes = {t: _node(answers.get(f"{_NODE} in {home}"), wait_seconds) for t, home in daemon_namespaces.items()}
    return InsideFindings(place, nodes)


def _image(
    settings: Settings, answer: probe.Said | probe.Silent | None, wait_seconds: float
) -> tuple[seen.PlaceSeen | None, Finding | None]:
    """The finding about the image, which is unknown if no pod could start for lack of a service account."""
    image = settings.kubernetes.builder_image
    if not image:
        return None, fail(_IMAGE, "the settings name no kubernetes.builderImage", _MAKE_IT)
    if answer is None:
        return None, None
    if isinstance(answer, probe.Silent):
        why = answer.why or "the cluster gives no reason"
        if answer.barred:
            return None, unknown(_IMAGE, f"not tried: {why}", ASK)
        if not answer.final:
            late = unknown(_IMAGE, f"{image} did not run within {wait_seconds:g} s: {why}", _LONGER)
            return None, late
        text = why if answer.pull else f"{image} did not run: {why}"
        return None, fail(_IMAGE, text, _NAME_IT if answer.pull else "Change what that line names.")
    try:
        sight = decode_json(answer.message, seen.PLACE)
    except Undecodable:
        words = " ".join(answer.message.split())[-200:] or "without a word"
        return None, fail(_IMAGE, f"{image} cannot run the job: it ended with {answer.code}: {words}", _NAME_IT)
    if sight.missing:
        return sight, fail(_IMAGE, f"{image} lacks {', '.join(sight.missing)}", _MAKE_IT)
    return sight, ok(_IMAGE, f"{image} runs (Python {sight.python})")


def _confined(confines: bool, settings: Settings) -> Finding:
    if confines:
        return ok(_SANDBOX, "jobs confine the Python of any base (Landlock, seccomp)")
    instead = "is refused" if settings.cluster_lacks_buildkit else "goes to BuildKit"
    detail = f"the kernel of the node has no Landlock: what needs the Python of a base that is not trusted {instead}"
    return warn(_SANDBOX, detail, "Use nodes with Linux 5.13 or newer that have it, or add the base to trustedBases.")


def _next(answer: probe.Silent) -> str:
    if answer.barred:
        return ASK
    return "" if answer.final else _LONGER


def _node(answer: probe.Said | probe.Silent | None, wait_seconds: float) -> list[Finding]:
    check = sandbox.CHECKS[0]
    if answer is None:
        return []
    if isinstance(answer, probe.Silent):
        why = answer.why or f"not within {wait_seconds:g} s"
        return [unknown(check, f"the pod that looks did not run: {why}", _next(answer))]
    try:
        return sandbox.judge(decode_json(answer.message, seen.NODE))
    except Undecodable:
        return [unknown(check, f"the probe's pod ended with {answer.code} and an invalid result")]
