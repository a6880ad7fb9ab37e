"""A kubelet that runs a pod's main container as a process of this machine.

The process gets what the pod says and nothing else: command, environment, volumes as folders (Secrets,
ConfigMaps, emptyDir, projected tokens), a termination message, a grace period. There is no container: paths of
mounts that appear in arguments and variables are rewritten to those folders, and names of programs by `programs`.
Images are not pulled; `images` lists those that exist.
"""

import base64
import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.kubernetes.loopback.cluster import LoopbackCluster
from tests.kubernetes.loopback.job_controller import PODS
from tests.kubernetes.loopback.resources import BY_PATH
from tests.kubernetes.loopback.status import Refused
from tests.kubernetes.loopback.store import Object

_SECRETS = BY_PATH["", "v1", "secrets"]
_CONFIG_MAPS = BY_PATH["", "v1", "configmaps"]
_MOUNT_RETRY_SECONDS = 0.2
_FALLBACK_LINES, _FALLBACK_BYTES = 80, 2048


class MountFailed(Exception):
    pass


class ProcessKubelet:
    def __init__(
        self,
        cluster: LoopbackCluster,
        root: Path,
        *,
        images: set[str],
        programs: Mapping[str, list[str]],
        network: Mapping[str, str] | None = None,
    ) -> None:
        """`network`: variables that lead to what a pod finds on its node's network, such as a metadata server."""
        self.cluster = cluster
        self._root = root
        self._images = images
        self._programs = programs
        self._network = network or {}
        self._pods: dict[str, threading.Thread] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._closed = False
        cluster.kubelet = self._sync

    def close(self) -> None:
        """Ends all processes, like a machine that is switched off."""
        self._closed = True
        self.cluster.kubelet = None
        for process in list(self._processes.values()):
            _signal(process, signal.SIGKILL)
        for thread in list(self._pods.values()):
            thread.join(10)

    def kill(self, pod: Object, number: signal.Signals = signal.SIGKILL) -> None:
        _signal(self._processes[pod["metadata"]["uid"]], number)

    def _sync(self) -> None:
        for pod in self.cluster.store.find(PODS):
            uid = pod["metadata"]["uid"]
            if pod["metadata"].get("deletionTimestamp"):
                self._end(pod)
            elif uid not in self._pods and pod["status"]["phase"] == "Pending":
                self._pods[uid] = threading.Thread(target=self._run, args=(pod,), daemon=True)
                self._pods[uid].start()

    def _end(self, pod: Object) -> None:
        process = self._processes.get(pod["metadata"]["uid"])
        if process is None or process.poll() is not None:
            if pod["status"]["phase"] in ("Succeeded", "Failed", "Pending"):
                self.cluster.node.gone(pod)
            return
        if not hasattr(process, "told"):
            process.told = time.monotonic()  # type: ignore[attr-defined]
            _signal(process, signal.SIGTERM)
        elif time.monotonic() - process.told > pod["metadata"].get("deletionGracePeriodSeconds", 30):  # type: ignore[attr-defined]
            _signal(process, signal.SIGKILL)

    def _run(self, pod: Object) -> None:
        try:
            self._whole_life(pod)
        except Refused as refused:
            if refused.code != 404:  # the pod is gone: nobody wants to know
                raise
        finally:
            self.cluster.settle()

    def _whole_life(self, pod: Object) -> None:
        cluster, container = self.cluster, pod["spec"]["containers"][0]
        name = container["name"]
        cluster.node.bind(pod)
        if container["image"] not in self._images:
            message = f'Back-off pulling image "{container["image"]}"'
            cluster.node.waiting(pod, name, "ImagePullBackOff", message)
            return
        folder = self._root / pod["metadata"]["uid"]
        folder.mkdir(parents=True)
        paths = self._mount(pod, container, folder)
        message_file = folder / "termination-log"
        message_file.touch()
        paths[container.get("terminationMessagePath", "/dev/termination-log")] = message_file
        process = self._start(pod, container, paths, folder)
        cluster.node.running(pod, name)
        cluster.settle()
        assert process.stdout is not None
        for line in process.stdout:
            cluster.logs.write(pod["metadata"]["uid"], name, line.rstrip(b"\n"))
        code = process.wait()
        if self._closed:
            return
        message = message_file.read_text(encoding="utf-8", errors="replace")
        if not message and code and container.get("terminationMessagePolicy") == "FallbackToLogsOnError":
            tail = cluster.logs.tail(pod["metadata"]["uid"], name, _FALLBACK_LINES)
            message = tail[-_FALLBACK_BYTES:].decode("utf-8", "replace")
        cluster.node.terminated(pod, name, code if code >= 0 else 128 - code, message=message)

    def _start(
        self, pod: Object, container: dict[str, Any], paths: Mapping[str, Path], folder: Path
    ) -> subprocess.Popen[bytes]:
        command = [*container.get("command", ()), *container.get("args", ())]
        program = self._programs.get(command[0], [command[0]])
        environment = {"PATH": os.environ["PATH"], **self._network}
        environment |= {e["name"]: _rewritten(e.get("value", ""), paths) for e in container.get("env") or ()}
        process = subprocess.Popen(
            [*program, *(_rewritten(word, paths) for word in command[1:])],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._processes[pod["metadata"]["uid"]] = process
        return process

    def _mount(self, pod: Object, container: dict[str, Any], folder: Path) -> dict[str, Path]:
        """Waits for missing Secrets as a kubelet does, and reports it in an event."""
        volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
        paths: dict[str, Path] = {}
        for mount in container.get("volumeMounts") or ():
            while True:
                try:
                    paths[mount["mountPath"]] = self._volume(pod, volumes[mount["name"]], folder / mount["name"])
                    break
                except MountFailed as failed:
                    why = f'MountVolume.SetUp failed for volume "{mount["name"]}" : {failed}'
                    self.cluster.events.tell(pod, "Warning", "FailedMount", why)
                    metadata = pod["metadata"]
                    current = self.cluster.store.get(PODS, metadata["namespace"], metadata["name"])
                    if current["metadata"].get("deletionTimestamp") or self._closed:
                        self.cluster.node.gone(pod)
                        raise Refused(404, "the pod is gone") from None
                    time.sleep(_MOUNT_RETRY_SECONDS)
        return paths

    def _volume(self, pod: Object, volume: dict[str, Any], folder: Path) -> Path:
        namespace = pod["metadata"]["namespace"]
        files: dict[str, bytes] = {}
        if "secret" in volume:
            source = volume["secret"]
            files = self._data(_SECRETS, namespace, source["secretName"], source)
        elif "configMap" in volume:
            files = self._data(_CONFIG_MAPS, namespace, volume["configMap"]["name"], volume["configMap"])
        for source in (volume.get("projected") or {}).get("sources") or ():
            if "secret" in source:
                files |= self._data(_SECRETS, namespace, source["secret"]["name"], source["secret"])
            if token := source.get("serviceAccountToken"):
                account = pod["spec"].get("serviceAccountName") or "default"
                claims = f"system:serviceaccount:{namespace}:{account} for {token.get('audience')}"
                files[token["path"]] = b"token of " + claims.encode()
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (folder / name).write_bytes(data)
        return folder

    def _data(self, resource: Any, namespace: str, name: str, source: dict[str, Any]) -> dict[str, bytes]:
        try:
            obj = self.cluster.store.get(resource, namespace, name)
        except Refused:
            if source.get("optional"):
                return {}
            raise MountFailed(f'{resource.kind.lower()} "{name}" not found') from None
        if resource is _SECRETS:
            data = {key: base64.b64decode(value) for key, value in (obj.get("data") or {}).items()}
        else:
            data = {key: value.encode() for key, value in (obj.get("data") or {}).items()}
        if items := source.get("items"):
            missing = [item["key"] for item in items if item["key"] not in data]
            if missing and not source.get("optional"):
                raise MountFailed(f"references non-existent secret key: {missing[0]}")
            return {item["path"]: data[item["key"]] for item in items if item["key"] in data}
        return data


def _rewritten(text: str, paths: Mapping[str, Path]) -> str:
    """Rewrites all paths in one pass: the longest match, only at path boundaries."""
    names = "|".join(re.escape(path) for path in sorted(paths, key=len, reverse=True))
    return re.sub(rf"(?<![\w/.-])(?:{names})(?=[/\"']|\Z)", lambda found: str(paths[found[0]]), text)


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
