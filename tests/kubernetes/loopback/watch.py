"""Watches: events after a resourceVersion, bookmarks, and 410 once that version is forgotten.

kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

import json
import time
from collections.abc import Iterator
from typing import Any

from tests.kubernetes.loopback.api import Api
from tests.kubernetes.loopback.resources import Target
from tests.kubernetes.loopback.status import Refused

_BOOKMARK_SECONDS = 1.0
_LONGEST = 60.0


def watch(api: Api, target: Target, query: dict[str, str]) -> Iterator[bytes]:
    """Raises 410 immediately for a version that is too old. A version that becomes too old ends the stream with an
    ERROR."""
    store, resource = api.store, target.resource
    matches = api.selection(resource, query)
    version = int(query.get("resourceVersion") or 0)
    first: list[dict[str, Any]] = []
    with store.lock:
        if not version:
            first = [o for o in store.find(resource, target.namespace or None) if matches(o)]
            version = store.version
        elif version < store.oldest:
            raise _expired(version, store.oldest)
    return _events(api, target, query, matches, version, first)


def _events(
    api: Api, target: Target, query: dict[str, str], matches: Any, version: int, first: list[dict[str, Any]]
) -> Iterator[bytes]:
    store, resource = api.store, target.resource
    end = time.monotonic() + min(float(query.get("timeoutSeconds") or _LONGEST), _LONGEST)
    for obj in first:
        yield _line("ADDED", obj)
    bookmark = time.monotonic() + _BOOKMARK_SECONDS
    while (left := end - time.monotonic()) > 0:
        with store.lock:
            if version < store.oldest:
                yield _line("ERROR", _expired(version, store.oldest).body)
                return
            new = [event for event in store.events if event[0] > version]
            if not new:
                store.changed.wait(min(left, 0.5))
                new = [event for event in store.events if event[0] > version]
            version = store.version if not new else new[-1][0]
        for _, kind, full, obj in new:
            in_place = not target.namespace or obj["metadata"].get("namespace") == target.namespace
            if full == resource.full and in_place and matches(obj):
                yield _line(kind, obj)
        if query.get("allowWatchBookmarks") == "true" and time.monotonic() > bookmark:
            bookmark = time.monotonic() + _BOOKMARK_SECONDS
            mark = {"apiVersion": resource.api_version, "kind": resource.kind}
            yield _line("BOOKMARK", {**mark, "metadata": {"resourceVersion": str(version)}})


def _line(kind: str, obj: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": obj}).encode() + b"\n"


def _expired(version: int, oldest: int) -> Refused:
    return Refused(410, f"too old resource version: {version} ({oldest})")
