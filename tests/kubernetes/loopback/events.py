"""Events as controllers and the kubelet write them: about an object, with a count of repetitions."""

import uuid

from tests.kubernetes.loopback.resources import BY_PATH
from tests.kubernetes.loopback.store import Object, Store

EVENTS = BY_PATH["", "v1", "events"]


class Events:
    def __init__(self, store: Store) -> None:
        self._store = store

    def tell(self, about: Object, kind: str, reason: str, message: str) -> None:
        metadata = about["metadata"]
        for event in self._store.find(EVENTS, metadata["namespace"]):
            if event["involvedObject"]["uid"] == metadata["uid"] and event["message"] == message:
                if event["lastTimestamp"] == self._store.time():
                    return  # once a second is enough; a real controller backs off
                event["count"] += 1
                event["lastTimestamp"] = self._store.time()
                self._store.replace(EVENTS, event)
                return
        self._store.add(
            EVENTS,
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": f"{metadata['name']}.{uuid.uuid4().hex[:16]}", "namespace": metadata["namespace"]},
                "involvedObject": {
                    "apiVersion": about["apiVersion"],
                    "kind": about["kind"],
                    "name": metadata["name"],
                    "namespace": metadata["namespace"],
                    "uid": metadata["uid"],
                },
                "type": kind,
                "reason": reason,
                "message": message,
                "count": 1,
                "firstTimestamp": self._store.time(),
                "lastTimestamp": self._store.time(),
                "eventTime": None,
                "source": {"component": "loopback"},
            },
        )
