"""The Kubernetes runner on a real cluster for tests/contract."""

import time

import msgspec

from boatyard.build import Build
from boatyard.job import JobProgress, JobResult
from boatyard.memory import ManualClock
from boatyard.settings import Limits
from boatyard_buildkit.termination import brief
from boatyard_kubernetes.names import job_name
from tests.kubernetes.real.site import RealNode, RealSite
from tests.kubernetes.site import limited, settings


class ShiftedClock(ManualClock):
    """The time of the cluster, plus the time that was slept."""

    def __init__(self) -> None:
        super().__init__(0)

    def now(self) -> float:
        return time.time() + super().now()


class ClusterDriver:
    def __init__(self, limits: Limits) -> None:
        self.clock = ShiftedClock()
        self._site = RealSite(limited(settings(), limits), clock=self.clock)
        self._node = RealNode(self._site.cluster)  # type: ignore[arg-type]
        self.runner = self._site.runner

    def begin(self, build_id: str) -> Build:
        self._node.start(job_name(build_id))
        return self._build(build_id)

    def progress(self, build_id: str, progress: JobProgress) -> Build:
        self._node.log(job_name(build_id), '{"progress":' + msgspec.json.encode(progress).decode() + "}")
        return self._build(build_id)

    def log(self, build_id: str, *lines: str) -> None:
        self._node.log(job_name(build_id), *(msgspec.json.encode({"t": 0.0, "line": line}).decode() for line in lines))

    def finish(self, build_id: str, result: JobResult | None) -> Build:
        if result is None:
            self._node.end(job_name(build_id), 137, reason="Error")
        else:
            code = {"SUCCEEDED": 0, "ERRORED": 2}.get(result.state, 1)
            self._node.end(job_name(build_id), code, brief(result).decode())
        self._site.cluster.until(lambda: self._build(build_id).state.ended)
        return self._build(build_id)

    def finish_after_cancel(self, build_id: str, result: JobResult | None) -> Build:
        pod = self._node.pod(job_name(build_id))
        with self._node.deaf():
            self.runner.cancel(build_id)
            code = 137 if result is None else 0 if result.state == "SUCCEEDED" else 1
            message = brief(result).decode() if result else ""
            self._node.cluster.node.terminated(pod, "build", code, message=message)
            self._site.cluster.until(lambda: self._build(build_id).state.ended)
            return self._build(build_id)

    def settle(self) -> None:
        """Waits until each Job that needs a pod has one, and no other Job has one."""

        def settled() -> bool:
            jobs = [j for j in self._site.cluster.objects("Job") if j["spec"]["parallelism"]]
            pods = self._site.cluster.objects("Pod")
            return len([j for j in jobs if not j["spec"].get("suspend")]) == len(pods)

        self._site.cluster.until(settled)

    def close(self) -> None:
        self._site.close()

    def _build(self, build_id: str) -> Build:
        build = self.runner.status(build_id)
        assert build
        return build
