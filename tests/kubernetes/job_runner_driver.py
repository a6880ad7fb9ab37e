"""The Kubernetes runner for tests/contract: a driver that plays its pods."""

from pathlib import Path

import msgspec

from boatyard.build import Build
from boatyard.job import JobProgress, JobResult
from boatyard.memory import ManualClock
from boatyard.settings import Limits
from boatyard_buildkit.termination import brief
from boatyard_kubernetes.names import job_name
from tests.kubernetes.loopback.manual_node import ManualNode
from tests.kubernetes.site import NAMESPACE, Site, limited, settings


class KubernetesDriver:
    def __init__(self, path: Path, limits: Limits) -> None:
        self.clock = ManualClock()
        namespaces = (NAMESPACE, "other-development")
        self._site = Site(limited(settings(), limits), clock=self.clock, namespaces=namespaces)
        self._node = ManualNode(self._site.cluster)
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
        return self._build(build_id)

    def finish_after_cancel(self, build_id: str, result: JobResult | None) -> Build:
        pod = self._node.pod(job_name(build_id))
        with self._node.deaf():
            self.runner.cancel(build_id)
            code = 137 if result is None else 0 if result.state == "SUCCEEDED" else 1
            message = brief(result).decode() if result else ""
            self._node.cluster.node.terminated(pod, "build", code, message=message)
            return self._build(build_id)

    def settle(self) -> None:
        pass

    def close(self) -> None:
        self._site.close()

    def _build(self, build_id: str) -> Build:
        build = self.runner.status(build_id)
        assert build
        return build
