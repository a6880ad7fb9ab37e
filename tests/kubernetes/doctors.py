"""The doctor with a loopback cluster, whose pods print what a test chooses."""

from typing import Any

import msgspec

from boatyard.build import State
from boatyard.cluster_doctor import Prospect
from boatyard.finding import Finding, Level
from boatyard.job import JobResult
from boatyard.lifecycle import failure
from boatyard.ports import Scope
from boatyard.settings import Settings
from boatyard_buildkit.termination import brief
from boatyard_kubernetes import KubernetesJobRunner, connect
from boatyard_kubernetes.buildkitd import buildkitd_objects
from boatyard_kubernetes.certificates import certificate_secrets
from boatyard_kubernetes.doctor.examination import Examination
from boatyard_kubernetes.doctor.prospects import first_advice
from boatyard_kubernetes.doctor.rights import Person
from boatyard_kubernetes.manifests import documents
from boatyard_kubernetes.topology import choose
from tests.kubernetes.loopback.cluster import ADMIN_TOKEN
from tests.kubernetes.loopback.manual_node import ManualNode
from tests.kubernetes.loopback.resources import BY_KIND
from tests.kubernetes.site import NAMESPACE, Site, settings

SCOPE = Scope("default", "development")
NODE = {
    "namespaces": 100,
    "seccomp": 0,
    "noNewPrivileges": False,
    "appArmor": "unconfined",
    "appArmorOn": True,
    "appArmorRestricts": False,
    "kernel": "6.1.0",
    "unshare": 0,
    "mount": 0,
}
PLACE: dict[str, Any] = {"missing": [], "python": "3.12.1", "identity": None, "buildkitd": []}
REACHED = {"stage": "", "error": ""}
EXTERNAL = msgspec.structs.replace(settings(), buildkit_uri="tcp://elsewhere:1234")


def managed(**kubernetes: Any) -> Settings:
    return msgspec.convert({"kubernetes": {"builderImage": "registry.test/builder:1", **kubernetes}}, Settings)


def client_secret(chosen: Settings) -> list[dict[str, Any]]:
    return [s.to_dict() for s in certificate_secrets(chosen, [NAMESPACE]) if s.metadata.namespace == NAMESPACE]  # type: ignore[union-attr]


class Report:
    def __init__(self, examination: Examination, waited: list[str], jobs: list[dict[str, Any]]) -> None:
        self.findings = {finding.check: finding for finding in examination.findings}
        assert len(self.findings) == len(examination.findings), "a check is reported once"
        self.prospects = {prospect.topology: prospect for prospect in examination.prospects()}
        self.waited = waited
        self.jobs = jobs
        """Jobs that were there meanwhile, as they were made."""

    def __getitem__(self, check: str) -> Finding:
        return self.findings[check]

    @property
    def chosen(self) -> Prospect:
        return next(prospect for prospect in self.prospects.values() if prospect.chosen)

    @property
    def works(self) -> list[str]:
        return [name for name, prospect in self.prospects.items() if prospect.status is Level.OK]

    @property
    def could(self) -> list[str]:
        return [name for name, prospect in self.prospects.items() if prospect.status is Level.WARN]

    @property
    def advice(self) -> str:
        return first_advice(self.prospects.values())


class Pods:
    """Plays the doctor's pods: what they print, and how the pushes end."""

    def __init__(
        self, it: Site, node: dict[str, Any] | None, place: dict[str, Any] | None, denied: str, raw: str
    ) -> None:
        self._it = it
        self._node = ManualNode(it.cluster)
        self._says = {"boatyard-doctor-node": node, "boatyard-doctor-place": place}
        self.nodes: dict[str, dict[str, Any]] = {}
        """What the first says in some namespaces, if not the same everywhere."""
        self._denied = denied
        self._raw = raw
        self.silent = ""
        """Prefix of the build whose pod never says anything."""
        self.stuck: tuple[str, str, str] | None = None
        """A container of the build's pod that cannot start: its name, reason and message."""
        self.plans: list[dict[str, str]] = []
        """Data of the Secrets that builds got."""
        self.seen: list[dict[str, Any]] = []
        """Jobs, as they were made."""

    def play(self, _: float = 0) -> None:
        for job in self._it.cluster.objects("Job"):
            name = job["metadata"]["name"]
            if name not in [seen["metadata"]["name"] for seen in self.seen]:
                self.seen.append(job)
            pods = self._node.pods(name)
            if not pods or pods[-1]["status"]["phase"] != "Pending":
                continue
            if "boatyard.io/record" in job["metadata"].get("annotations", {}):
                self.plans += [secret["data"] for secret in self._it.cluster.objects("Secret") if secret["immutable"]]
                if self.silent:
                    continue
                if self.stuck is not None:
                    self._node.do("bind", name)
                    self._node.do("waiting", name, *self.stuck)
                    self._it.clock.sleep(5)
                    continue
            said = self._said(job)
            if said is not None:
                self._node.start(name)
                self._node.end(name, *said)

    def _said(self, job: dict[str, Any]) -> tuple[int, str] | None:
        name = job["metadata"]["name"]
        for prefix, facts in self._says.items():
            if facts is self._says["boatyard-doctor-node"]:
                facts = self.nodes.get(job["metadata"]["namespace"], facts)
            if name.startswith(prefix):
                return None if facts is None else (0, self._raw or msgspec.json.encode(facts).decode())
        target = msgspec.json.decode(job["metadata"]["annotations"]["boatyard.io/record"])["target"]
        if self._denied and self._denied in target:
            refused = JobResult(state=State.FAILED, error=failure("PUSH_DENIED", "403 from r.test"))
            return 1, brief(refused).decode()
        return 0, brief(JobResult(state=State.SUCCEEDED, digest="sha256:" + "a" * 64)).decode()


def examine(
    it: Site,
    chosen: Settings | None = None,
    *,
    token: str = ADMIN_TOKEN,
    node: dict[str, Any] | None = NODE,
    place: dict[str, Any] | None = PLACE,
    nodes: dict[str, dict[str, Any]] | None = None,
    denied: str = "",
    raw: str = "",
    silent: str = "",
    stuck: tuple[str, str, str] | None = None,
    plans: list[dict[str, str]] | None = None,
    push: bool = False,
    function: Person | None = None,
    wait_seconds: float = 5,
) -> Report:
    """`node` and `place` are the pods' reports; None is a pod that never runs. `raw` is printed instead.
    `denied` is a target that refuses pushes."""
    settings = chosen or it.settings
    if place is not None and not place["buildkitd"] and choose(settings) != "daemonless":
        place = {**place, "buildkitd": [REACHED]}
    cluster = connect(it.cluster.kubeconfig(token))
    waited: list[str] = []
    pods = Pods(it, node, place, denied, raw)
    pods.nodes = nodes or {}
    pods.silent, pods.stuck, pods.plans = silent, stuck, plans if plans is not None else []
    examination = Examination(
        cluster,
        settings,
        SCOPE,
        wait_seconds=wait_seconds,
        base_image="python:3.12-slim",
        found=lambda finding: None,
        waiting=waited.append,
        pause=pods.play,
    )
    runner = KubernetesJobRunner(cluster, settings, it.clock, fresh_seconds=0, pause=lambda _: None) if push else None
    examination.run(me="somebody", function=function, runner=runner)
    assert not it.cluster.objects("Job"), "everything that was created is deleted"
    return Report(examination, waited, pods.seen)


def deploy(it: Site, chosen: Settings) -> None:
    """Creates the managed buildkitd from the manifests."""
    made = documents(buildkitd_objects(chosen))
    wanted = [obj for obj in made if obj["kind"] in ("ServiceAccount", "StatefulSet")]
    have = {(obj["kind"], obj["metadata"]["name"]) for kind in ("ServiceAccount",) for obj in it.cluster.objects(kind)}
    it.cluster.apply(*(obj for obj in wanted if (obj["kind"], obj["metadata"]["name"]) not in have))


def label_namespace(it: Site, level: str, name: str = NAMESPACE) -> None:
    labels = {"pod-security.kubernetes.io/enforce": level}
    it.cluster.store.change(BY_KIND["v1", "Namespace"], "", name, lambda o: o["metadata"]["labels"].update(labels))


def add_node(it: Site, name: str, labels: dict[str, str] | None = None, image: str = "Ubuntu 24.04") -> None:
    fields = ("architecture", "bootID", "containerRuntimeVersion", "kernelVersion", "kubeProxyVersion")
    fields += ("kubeletVersion", "machineID", "operatingSystem", "systemUUID")
    status = {"nodeInfo": {**dict.fromkeys(fields, ""), "osImage": image}}
    metadata = {"name": name, "labels": labels or {}}
    obj = {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": status}
    it.cluster.store.add(BY_KIND["v1", "Node"], obj)
