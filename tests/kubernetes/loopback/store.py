"""Objects with resource versions, and the events for watches."""

import copy
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from tests.kubernetes.loopback.resources import BY_KIND, Resource
from tests.kubernetes.loopback.status import Refused, not_found

Object = dict[str, Any]


class Store:
    """All access is under `lock`, and objects are copied in and out. `changed` wakes watches."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.version = 100
        self.oldest = 0
        """Versions up to this one are compacted: a watch or a continue token from there is 410."""
        self.events: list[tuple[int, str, str, Object]] = []
        self.webhooks: list[Callable[[Object], None]] = []
        """A cloud's own, which see each pod before it is admitted: they change it or raise Refused."""
        self._objects: dict[tuple[str, str, str], Object] = {}

    def time(self) -> str:
        return rfc3339(self.now())

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        with self.lock:
            try:
                return copy.deepcopy(self._objects[resource.full, namespace, name])
            except KeyError:
                raise not_found(resource.plural, name, resource.group) from None

    def find(self, resource: Resource, namespace: str | None = None) -> list[Object]:
        """In the order of etcd's keys: namespace, then name."""
        with self.lock:
            keys = sorted(k for k in self._objects if k[0] == resource.full and namespace in (None, "", k[1]))
            return [copy.deepcopy(self._objects[key]) for key in keys]

    def add(self, resource: Resource, obj: Object) -> Object:
        with self.lock:
            metadata = obj["metadata"]
            key = (resource.full, metadata.get("namespace", ""), metadata["name"])
            if key in self._objects:
                raise Refused(409, f'{resource.full} "{metadata["name"]}" already exists', reason="AlreadyExists")
            metadata["uid"] = str(uuid.uuid4())
            metadata["creationTimestamp"] = self.time()
            metadata["generation"] = 1
            return self._put(key, obj, "ADDED")

    def replace(self, resource: Resource, obj: Object) -> Object:
        """Replaces an object. Refuses one with an outdated resourceVersion."""
        with self.lock:
            metadata = obj["metadata"]
            key = (resource.full, metadata.get("namespace", ""), metadata["name"])
            current = self.get(resource, key[1], key[2])
            wanted = metadata.get("resourceVersion")
            if wanted and wanted != current["metadata"]["resourceVersion"]:
                raise Refused(
                    409,
                    f'Operation cannot be fulfilled on {resource.full} "{key[2]}": the object has been modified; '
                    "please apply your changes to the latest version and try again",
                )
            if _without_version(current) == _without_version(obj):
                return current
            if current.get("spec") != obj.get("spec"):
                metadata["generation"] = metadata.get("generation", 1) + 1
            return self._put(key, obj, "MODIFIED")

    def remove(self, resource: Resource, namespace: str, name: str) -> Object:
        with self.lock:
            obj = self.get(resource, namespace, name)
            del self._objects[resource.full, namespace, name]
            self._record("DELETED", resource.full, obj)
            return obj

    def change(self, kind: Resource, namespace: str, name: str, change: Callable[[Object], None]) -> Object:
        """Reads, changes and writes an object, for controllers and the kubelet."""
        with self.lock:
            obj = self.get(kind, namespace, name)
            change(obj)
            return self.replace(kind, obj)

    def compact(self) -> None:
        """Forgets history, as etcd does after five minutes."""
        with self.lock:
            self.oldest = self.version
            self.events.clear()

    def owned(self) -> Iterator[tuple[Resource, Object]]:
        with self.lock:
            for key in list(self._objects):
                if key in self._objects and self._objects[key]["metadata"].get("ownerReferences"):
                    obj = self._objects[key]
                    yield BY_KIND[obj["apiVersion"], obj["kind"]], copy.deepcopy(obj)

    def _put(self, key: tuple[str, str, str], obj: Object, event: str) -> Object:
        self._record(event, key[0], obj)
        self._objects[key] = copy.deepcopy(obj)
        return copy.deepcopy(obj)

    def _record(self, event: str, full: str, obj: Object) -> None:
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        self.events.append((self.version, event, full, copy.deepcopy(obj)))
        self.changed.notify_all()


def rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _without_version(obj: Object) -> Object:
    return {**obj, "metadata": {k: v for k, v in obj["metadata"].items() if k not in ("resourceVersion", "generation")}}
