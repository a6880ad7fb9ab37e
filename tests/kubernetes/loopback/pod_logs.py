"""Logs as the kubelet keeps and returns them: lines with times, by container.

kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#get-read-log-of-the-specified-pod
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from tests.kubernetes.loopback.job_controller import PODS
from tests.kubernetes.loopback.resources import Target
from tests.kubernetes.loopback.status import Refused
from tests.kubernetes.loopback.store import Object, Store, unix

Line = tuple[int, bytes]
"""Nanoseconds since 1970, and the line without its end."""


class PodLogs:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._lines: dict[tuple[str, str], list[Line]] = {}
        self._last = 0

    def write(self, pod_uid: str, container: str, *lines: bytes, at: int | None = None) -> None:
        with self._store.lock:
            for line in lines:
                now = at if at is not None else max(int(self._store.now() * 1e9), self._last + 1)
                self._last = max(self._last, now)
                self._lines.setdefault((pod_uid, container), []).append((now, line))
            self._store.changed.notify_all()

    def tail(self, pod_uid: str, container: str, lines: int) -> bytes:
        return b"\n".join(line for _, line in self._lines.get((pod_uid, container), [])[-lines:])

    def read(self, target: Target, query: dict[str, str]) -> tuple[bytes, Iterator[bytes] | None]:
        """(bytes, None), or (b"", stream) with `follow`."""
        pod = self._store.get(PODS, target.namespace, target.name)
        names = [c["name"] for c in pod["spec"]["containers"] + (pod["spec"].get("initContainers") or [])]
        container = query.get("container") or names[0]
        if container not in names:
            raise Refused(400, f"container {container} is not valid for pod {target.name}")
        self._check_started(pod, container)
        form = _form(query)
        key = (pod["metadata"]["uid"], container)
        if query.get("follow") in ("true", "1"):
            return b"", self._follow(target, key, form, _since(query, self._store))
        since = _since(query, self._store)
        with self._store.lock:
            lines = [line for line in self._lines.get(key, ()) if line[0] >= since]
        if "tailLines" in query:
            lines = lines[-int(query["tailLines"]) :] if int(query["tailLines"]) else []
        data = b"".join(map(form, lines))
        if "limitBytes" in query:
            if int(query["limitBytes"]) < 1:
                raise Refused(422, "PodLogOptions is invalid: limitBytes: must be greater than 0")
            data = data[: int(query["limitBytes"])]
        return data, None

    def _follow(
        self, target: Target, key: tuple[str, str], form: Callable[[Line], bytes], since: int
    ) -> Iterator[bytes]:
        given, end = 0, time.monotonic() + 60
        while time.monotonic() < end:
            with self._store.lock:
                lines = [line for line in self._lines.get(key, ()) if line[0] >= since]
                new, given = lines[given:], len(lines)
                over = not new and self._over(target)
                if not new and not over:
                    self._store.changed.wait(0.5)
            if new:
                yield b"".join(map(form, new))
            if over:
                return

    def _over(self, target: Target) -> bool:
        try:
            return self._store.get(PODS, target.namespace, target.name)["status"]["phase"] in ("Succeeded", "Failed")
        except Refused:
            return True

    @staticmethod
    def _check_started(pod: Object, container: str) -> None:
        status = pod["status"]
        for found in (*status.get("containerStatuses", ()), *status.get("initContainerStatuses", ())):
            if found["name"] == container:
                waiting = (found.get("state") or {}).get("waiting")
                if not waiting:
                    return
                reason = waiting.get("reason") or "ContainerCreating"
                raise Refused(
                    400,
                    f'container "{container}" in pod "{pod["metadata"]["name"]}" is waiting to start: {reason}',
                )
        if not pod["spec"].get("nodeName"):
            raise Refused(400, f"pod {pod['metadata']['name']} does not have a host assigned")
        raise Refused(
            400, f'container "{container}" in pod "{pod["metadata"]["name"]}" is waiting to start: PodInitializing'
        )


def _since(query: dict[str, str], store: Store) -> int:
    if "sinceTime" in query and "sinceSeconds" in query:
        raise Refused(422, "at most one of `sinceTime` or `sinceSeconds` may be specified")
    if "sinceTime" in query:
        # metav1.Time is passed on to the kubelet in whole seconds
        return int(unix(query["sinceTime"])) * 1_000_000_000
    if "sinceSeconds" in query:
        return int((store.now() - int(query["sinceSeconds"])) * 1e9)
    return 0


def _form(query: dict[str, str]) -> Callable[[Line], bytes]:
    if query.get("timestamps") not in ("true", "1"):
        return lambda line: line[1] + b"\n"

    def stamped(line: Line) -> bytes:
        whole, fraction = divmod(line[0], 1_000_000_000)
        text = datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{text}.{fraction:09d}Z ".encode() + line[1] + b"\n"

    return stamped
