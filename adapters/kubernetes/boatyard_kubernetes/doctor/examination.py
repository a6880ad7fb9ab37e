"""One examination: what is looked at, in which order, and what is left out because of what was found before."""

import time
from collections.abc import Callable

from lightkube.resources.core_v1 import Namespace

from boatyard.cluster_doctor import Prospect
from boatyard.errors import BoatyardError
from boatyard.finding import Finding, Level, fail, ok, unknown, warn
from boatyard.job import BuildJob
from boatyard.ports import JobRunner, Scope
from boatyard.settings import Settings
from boatyard_kubernetes.cluster import Cluster
from boatyard_kubernetes.doctor import prospects, push
from boatyard_kubernetes.doctor.admission import DEPLOY, Admitted, admit_builds, admit_daemon
from boatyard_kubernetes.doctor.from_inside import look_from_inside
from boatyard_kubernetes.doctor.nodes import check_nodes, with_probe
from boatyard_kubernetes.doctor.rights import Person, check_rights
from boatyard_kubernetes.names import namespace_of
from boatyard_kubernetes.refusals import Absent, NamespaceMissing
from boatyard_kubernetes.topology import Topology, choose


class Examination:
    """Looks at the cluster for builds of one scope. `found` is told each finding at once."""

    def __init__(
        self,
        cluster: Cluster,
        settings: Settings,
        scope: Scope,
        *,
        wait_seconds: float,
        found: Callable[[Finding], None],
        waiting: Callable[[str], None],
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Raises DATAPLANE_DENIED for a namespace template that makes no name, and what a plan of the scope would."""
        self._cluster = cluster
        self._settings = settings
        self._scope = scope
        self._wait = wait_seconds
        self._tell = found
        self._waiting = waiting
        self._pause = pause
        self.namespace = namespace_of(settings.kubernetes, scope)
        self.chosen = choose(settings)
        self.findings: list[Finding] = []
        self._admitted: dict[Topology, Admitted] = {}
        self._lets_daemons_in: dict[Topology, str] = {}
        """Namespaces that let in a pod like the rootless buildkitd's, each topology's own."""
        self._rootless: list[Finding] = []
        """What was found of nodes, as it is for a rootless BuildKit, whatever topology is chosen."""
        self._job: BuildJob = push.tiny_job(settings, scope)

    def begin(self, *findings: Finding) -> None:
        """What is known before anything is looked at."""
        self._add(*findings)

    def run(self, *, me: str, function: Person | None = None, runner: JobRunner | None = None) -> None:
        """`me`: who asks. With a `runner` two tiny images are built and pushed, if there is a repository for them."""
        there = self._check_namespace()
        self._add(check_rights(self._cluster, self._settings, self.namespace, me=me, function=function))
        self._rootless = [check_nodes(self._cluster, self._settings.kubernetes.node_selector)]
        if there:
            self._admit()
            self._look()
        else:
            self._add(*map(self._for_chosen, self._rootless))
        if runner is not None:
            self._push(runner)

    def prospects(self) -> tuple[Prospect, ...]:
        return prospects.judge(self.chosen, self.findings, self._rootless, self._admitted)

    def _add(self, *findings: Finding) -> None:
        for finding in findings:
            self.findings.append(finding)
            self._tell(finding)

    def _check_namespace(self) -> bool:
        """Whether it is there, or may be."""
        try:
            self._cluster.get(Namespace, self.namespace, None)
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
            return True  # not everybody may see namespaces; what is asked next will say
        self._add(ok("namespace", f"builds of {self._scope.project}/{self._scope.domain} run in {self.namespace}"))
        return True

    def _admit(self) -> None:
        for topology in prospects.ORDER:
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
        detail = "the cluster lets in the pods that builds need" if mine.status is Level.OK else mine.detail
        self._add(Finding(check="admission", status=mine.status, detail=detail, advice=mine.advice))

    def _look(self) -> None:
        inside = look_from_inside(
            self._cluster,
            self._settings,
            self.namespace,
            self._lets_daemons_in.get(self.chosen) or next(iter(self._lets_daemons_in.values()), None),
            wait_seconds=self._wait,
            waiting=self._waiting,
            pause=self._pause,
        )
        self._add(*inside.place)
        self._rootless = [with_probe(nodes, inside.node) for nodes in self._rootless] + inside.node
        self._add(*map(self._for_chosen, self._rootless))

    def _for_chosen(self, finding: Finding) -> Finding:
        """Where BuildKit runs elsewhere, nodes that cannot run it are worth knowing, and no failure."""
        if self.chosen is not Topology.EXTERNAL or finding.status is not Level.FAIL:
            return finding
        return warn(finding.check, f"{finding.detail} (of no matter to a buildkitUri)", finding.advice)

    def _push(self, runner: JobRunner) -> None:
        settings, cache = self._settings, self._settings.cache.repository
        if not settings.default_repository:
            advice = "Set it, unless every image is to name its registry."
            self._add(warn(push.IMAGES, "not tried: there is no defaultRepository", advice))
            return
        # What the function may not do keeps nobody else from trying.
        if any(f.status is Level.FAIL and f.check != "rbac" for f in self.findings):
            self._add(unknown(push.IMAGES, "not tried: builds will not start as it is"))
            return
        self._add(self._pushed(runner, push.tiny_job(settings, self._scope, timeout_seconds=self._wait), push.IMAGES))
        if cache and self.findings[-1].status is Level.OK:
            job = push.for_cache(push.tiny_job(settings, self._scope, timeout_seconds=self._wait), cache)
            self._add(push.check_cache(self._pushed(runner, job, push.CACHE)))

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
