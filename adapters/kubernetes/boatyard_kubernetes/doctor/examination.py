"""Runs one examination: its checks in order, skipping those that earlier findings make pointless."""

import time
from collections.abc import Callable
from typing import Final

from lightkube.resources.core_v1 import Namespace

from boatyard.cluster_doctor import Prospect
from boatyard.errors import BoatyardError
from boatyard.finding import Finding, Level, fail, ok, unknown, warn
from boatyard.job import BuildJob
from boatyard.ports import JobRunner, Scope
from boatyard.settings import Settings
from boatyard_kubernetes.cluster import Cluster
from boatyard_kubernetes.doctor import prospects, push
from boatyard_kubernetes.doctor.admission import DEPLOY, Admitted, admit_builds, admit_daemon, check_level
from boatyard_kubernetes.doctor.daemon import is_deployed
from boatyard_kubernetes.doctor.from_inside import look_from_inside
from boatyard_kubernetes.doctor.nodes import NodesFound, check_nodes, with_probe
from boatyard_kubernetes.doctor.platform import ClusterPlatform, check_platform, find_platform
from boatyard_kubernetes.doctor.resources import check_resources
from boatyard_kubernetes.doctor.rights import Person, check_rights
from boatyard_kubernetes.names import namespace_of
from boatyard_kubernetes.refusals import Absent, NamespaceMissing, RefusalReason
from boatyard_kubernetes.topology import Topology, choose

_ADMITTED: Final = {
    True: "the cluster admits the pods of builds, whose own buildkitd needs the Pod Security level privileged",
    False: "the cluster admits the pods of builds, which are restricted: no privileges, no user namespaces",
}
"""By whether a build's pod has its own BuildKit. Beside a buildkitd elsewhere it is an ordinary pod."""
_MADE_WITHOUT: Final = (
    ". They have no BuildKit: packages that have wheels, files and environment variables are built on a base with the "
    "wanted Python or with a virtual environment; apt packages, commands and Dockerfiles are refused"
)
_SOME_ARE_RESTRICTED: Final = "; those of builds without a RUN have none, and are restricted"
_SOME_ARE_ADMITTED: Final = " Until then, only builds that need no RUN work."


class Examination:
    """Examines the cluster for builds of one scope. Calls `found` with each finding immediately."""

    def __init__(
        self,
        cluster: Cluster,
        settings: Settings,
        scope: Scope,
        *,
        wait_seconds: float,
        base_image: str,
        found: Callable[[Finding], None],
        waiting: Callable[[str], None],
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Raises DATAPLANE_DENIED if the template gives no valid namespace, and the errors of a plan of the scope."""
        self._cluster = cluster
        self._settings = settings
        self._scope = scope
        self._wait = wait_seconds
        self._base = base_image
        self._tell = found
        self._waiting = waiting
        self._pause = pause
        self.namespace = namespace_of(settings.kubernetes, scope)
        self.chosen = choose(settings)
        self.findings: list[Finding] = []
        self._admitted: dict[Topology, Admitted] = {}
        self._lets_daemons_in: dict[Topology, str] = {}
        """Each topology's namespace, if it admits a pod like the rootless buildkitd's."""
        self._nodes: NodesFound | None = None
        """Known limits of the nodes' kinds."""
        self._rootless: dict[Topology, list[Finding]] = {}
        """Findings about nodes for each rootless BuildKit, in its own namespace."""
        self._platform = ClusterPlatform()
        self._job: BuildJob = push.small_job(settings, scope, base_image)

    def begin(self, *findings: Finding) -> None:
        """Adds findings that are known before the first check."""
        self._add(*findings)

    def run(self, *, me: str, function: Person | None = None, runner: JobRunner | None = None) -> None:
        """Runs the checks. `me` is the user. With a `runner` and a repository, it builds and pushes an image."""
        there = self._check_namespace()
        self._add(check_rights(self._cluster, self._settings, self.namespace, me=me, function=function))
        self._nodes = check_nodes(self._cluster, self._settings.kubernetes.node_selector)
        if there:
            self._admit()
        self._check_platform()
        if there:
            self._look()
        elif self.chosen is not Topology.NONE:
            self._add(self._for_chosen(self._nodes.finding))
        if runner is not None:
            self._push(runner)

    def prospects(self) -> tuple[Prospect, ...]:
        seen = {
            topology: prospects.TopologySeen(
                rootless=self._of_nodes(topology),
                admitted=self._admitted.get(topology),
                deployed=is_deployed(self._cluster, self._settings, topology),
            )
            for topology in prospects.order(self.chosen)
        }
        return prospects.judge(self.chosen, self.findings, seen)

    def _of_nodes(self, topology: Topology) -> tuple[Finding, ...]:
        if topology in (Topology.EXTERNAL, Topology.NONE) or self._nodes is None:
            return ()
        own = self._rootless.get(topology, [])
        return with_probe(self._nodes, own), *own

    def _add(self, *findings: Finding) -> None:
        for finding in findings:
            self.findings.append(finding)
            self._tell(finding)

    def _check_namespace(self) -> bool:
        """Whether the namespace exists, or may exist."""
        try:
            namespace = self._cluster.get(Namespace, self.namespace, None)
        except (Absent, NamespaceMissing):
            if self._settings.kubernetes.create_namespaces:
                advice = "Start a build, or create it, then run this again: nothing in it could be looked at."
                self._add(warn("namespace", f"{self.namespace} is not there; the first build makes it", advice))
            else:
                advice = "Create it with its service account and Role (docs/kubernetes.md), or name another scope with "
                advice += "--project and --domain."
                self._add(fail("namespace", f"{self.namespace} does not exist", advice))
            return False
        except BoatyardError:
            return True  # the user may not see namespaces; the next check will show
        self._add(ok("namespace", f"builds of {self._scope.project}/{self._scope.domain} run in {self.namespace}"))
        if self.chosen is Topology.NONE:
            self._add(check_level(namespace))
        return True

    def _admit(self) -> None:
        for topology in prospects.order(self.chosen):
            try:
                found = admit_builds(self._cluster, self._settings, topology, self._job, self.namespace)
                if topology is Topology.DAEMONLESS and found.status is not Level.FAIL:
                    self._lets_daemons_in[topology] = self.namespace
                self._admitted[topology] = found
                if topology is Topology.MANAGED and found.status is Level.OK:
                    self._admitted[topology] = found = admit_daemon(self._cluster, self._settings)
                    if found.status is not Level.FAIL:
                        self._lets_daemons_in[topology] = self._settings.kubernetes.buildkit_namespace
            except NamespaceMissing as error:
                if topology is self.chosen:
                    self._admitted[topology] = Admitted(Level.FAIL, error.detail, DEPLOY)
        mine = self._admitted[self.chosen]
        detail, advice = mine.detail, mine.advice
        if mine.status is Level.OK:
            detail = _ADMITTED[self.chosen is Topology.DAEMONLESS]
            detail += _MADE_WITHOUT if self.chosen is Topology.NONE else ""
        if self.chosen is Topology.DAEMONLESS and self._settings.layers == "registry":
            detail += _SOME_ARE_RESTRICTED if mine.status is Level.OK else ""
            advice += _SOME_ARE_ADMITTED if mine.reason is RefusalReason.POD_SECURITY else ""
        self._add(Finding(check="admission", status=mine.status, detail=detail, advice=advice))

    def _check_platform(self) -> None:
        pods = [admitted.pod for admitted in self._admitted.values()]
        self._platform, unseen = find_platform(self._cluster, self._nodes.nodes if self._nodes else (), pods)
        self._add(check_platform(self._platform, self._settings.authentication_type, unseen))
        mine = self._admitted.get(self.chosen)
        if mine and mine.asked and mine.pod and mine.pod.spec:
            self._add(check_resources(mine.asked, mine.pod.spec, self.chosen, self._platform.name))

    def _look(self) -> None:
        inside = look_from_inside(
            self._cluster,
            self._settings,
            self.namespace,
            self._lets_daemons_in,
            platform=self._platform,
            wait_seconds=self._wait,
            waiting=self._waiting,
            pause=self._pause,
        )
        self._rootless = inside.node
        self._add(*inside.place)
        # Shows the findings of the chosen topology, or of the best of the others if BuildKit runs elsewhere.
        told = self.chosen if self.chosen is not Topology.EXTERNAL else next(iter(inside.node), Topology.MANAGED)
        self._add(*map(self._for_chosen, self._of_nodes(told)))

    def _for_chosen(self, finding: Finding) -> Finding:
        """The finding. If BuildKit runs elsewhere, nodes that cannot run it are a warning and not a failure."""
        if self.chosen is not Topology.EXTERNAL or finding.status is not Level.FAIL:
            return finding
        return warn(finding.check, f"{finding.detail} (of no matter to a buildkitUri)", finding.advice)

    def _push(self, runner: JobRunner) -> None:
        settings, cache = self._settings, self._settings.cache.repository
        if not settings.default_repository:
            advice = "Set it, unless every image is to name its registry."
            self._add(warn(push.IMAGES, "not tried: there is no defaultRepository", advice))
            return
        # Missing rights of the function do not prevent a try with the user's own.
        if any(f.status is Level.FAIL and f.check != "rbac" for f in self.findings):
            self._add(unknown(push.IMAGES, "not tried: builds will not start as it is"))
            return
        self._add(self._pushed(runner, self._small_job(), push.IMAGES))
        if cache and self.findings[-1].status is Level.OK:
            job = push.for_cache(self._small_job(), cache)
            self._add(push.check_cache(self._pushed(runner, job, push.CACHE)))

    def _small_job(self) -> BuildJob:
        """A job with a new key each time."""
        return push.small_job(self._settings, self._scope, self._base, timeout_seconds=self._wait)

    def _pushed(self, runner: JobRunner, job: BuildJob, check: str) -> Finding:
        return push.check_push(
            self._cluster,
            runner,
            self._settings,
            job,
            check=check,
            wait_seconds=self._wait,
            waiting=self._waiting,
            pause=self._pause,
        )
