"""The API's verbs, without HTTP."""

import base64
import copy
import json
from collections.abc import Callable
from typing import Any

from tests.kubernetes.loopback import selectors, validation
from tests.kubernetes.loopback.admission import admit
from tests.kubernetes.loopback.rbac import Ask, Authorizer, User
from tests.kubernetes.loopback.resources import Resource, Target
from tests.kubernetes.loopback.reviews import BASIC, REVIEWS, review
from tests.kubernetes.loopback.status import Refused, success
from tests.kubernetes.loopback.store import Object, Store

Query = dict[str, str]
_PATCHES = {"application/merge-patch+json", "application/apply-patch+yaml"}


class Api:
    """`settle` runs the controllers; it is called after each write."""

    def __init__(self, store: Store, authorizer: Authorizer, settle: Callable[[], None]) -> None:
        self.store = store
        self.authorizer = authorizer
        self._settle = settle

    def search(self, user: User, target: Target, query: Query) -> Object:
        self._allow(user, "list", target)
        matches = self.selection(target.resource, query)
        with self.store.lock:
            version, after = self._continued(query)
            found = [obj for obj in self.store.find(target.resource, target.namespace or None) if matches(obj)]
            if after:
                found = [obj for obj in found if _key(obj) > after]
            limit = int(query.get("limit") or 0)
            more = bool(limit) and len(found) > limit
            page = found[:limit] if limit else found
            metadata: dict[str, Any] = {"resourceVersion": str(version)}
            if more:
                token = json.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": _key(page[-1])}).encode()
                metadata["continue"] = base64.urlsafe_b64encode(token).decode().rstrip("=")
                if not (query.get("labelSelector") or query.get("fieldSelector")):
                    metadata["remainingItemCount"] = len(found) - limit
            kind = target.resource.kind + "List"
            items = [{k: v for k, v in obj.items() if k not in ("apiVersion", "kind")} for obj in page]
            return {"kind": kind, "apiVersion": target.resource.api_version, "metadata": metadata, "items": items}

    def selection(self, resource: Resource, query: Query) -> selectors.Test:
        by_label = selectors.labels(query.get("labelSelector", ""))
        by_field = selectors.fields(query.get("fieldSelector", ""), resource)
        return lambda obj: by_label(obj) and by_field(obj)

    def get(self, user: User, target: Target) -> Object:
        self._allow(user, "get", target)
        return self.store.get(target.resource, target.namespace, target.name)

    def create(self, user: User, target: Target, obj: Object, query: Query) -> Object:
        self._allow(user, "create", target)
        if target.resource.plural in REVIEWS:
            return review(self.authorizer, user, target, obj)
        metadata = obj.setdefault("metadata", {})
        for field in ("uid", "resourceVersion", "creationTimestamp"):
            metadata.pop(field, None)
        namespace = metadata.setdefault("namespace", target.namespace) if target.resource.namespaced else ""
        if namespace != target.namespace:
            raise Refused(
                400,
                "the namespace of the provided object does not match the namespace sent on the request "
                f"({namespace} != {target.namespace})",
            )
        validation.check(target.resource, obj)
        admit(self.store, target.resource, obj)
        obj.pop("status", None)
        _default(target.resource, obj)
        if query.get("dryRun") == "All":
            with self.store.lock:
                existing = [_key(other) for other in self.store.find(target.resource, target.namespace or None)]
            if _key(obj) in existing:
                name = metadata["name"]
                raise Refused(409, f'{target.resource.full} "{name}" already exists', reason="AlreadyExists")
            return {**obj, "metadata": {**metadata, "uid": "00000000-0000-4000-8000-000000000000"}}
        made = self.store.add(target.resource, obj)
        self._settle()
        return made

    def patch(self, user: User, target: Target, patch: Object, kind: str, query: Query) -> Object:
        self._allow(user, "patch", target)
        if kind not in _PATCHES:
            raise Refused(415, f"the body of the request was in an unknown format - accepted media types: {_PATCHES}")
        if kind == "application/apply-patch+yaml":
            return self._apply(user, target, patch, query)
        with self.store.lock:
            old = self.store.get(target.resource, target.namespace, target.name)
            new = merge(copy.deepcopy(old), patch)
            if patch.get("metadata", {}).get("resourceVersion") is None:
                new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
            return self._change(target.resource, old, new, query)

    def _apply(self, user: User, target: Target, patch: Object, query: Query) -> Object:
        """Server-side apply with force, by one manager: unnamed fields stay, and a missing object is created."""
        if not query.get("fieldManager"):
            raise Refused(
                422, "PatchOptions.meta.k8s.io is invalid: fieldManager: Required value: is required for apply patch"
            )
        with self.store.lock:
            try:
                old = self.store.get(target.resource, target.namespace, target.name)
            except Refused:
                return self.create(user, target._replace(name=""), patch, query)
            new = merge(copy.deepcopy(old), patch)
            return self._change(target.resource, old, new, query)

    def replace(self, user: User, target: Target, obj: Object, query: Query) -> Object:
        self._allow(user, "update", target)
        with self.store.lock:
            old = self.store.get(target.resource, target.namespace, target.name)
            obj.setdefault("metadata", {}).setdefault("namespace", target.namespace)
            return self._change(target.resource, old, obj, query)

    def _change(self, resource: Resource, old: Object, new: Object, query: Query) -> Object:
        new["status"] = old.get("status", {})  # a status is written by its subresource only
        checked = {k: v for k, v in new.items() if k != "status"}
        validation.check(resource, checked)
        validation.check_change(resource, old, new)
        if query.get("dryRun") == "All":
            return new
        made = self.store.replace(resource, new)
        self._settle()
        return made

    def delete(self, user: User, target: Target, options: Object, query: Query) -> Object:
        self._allow(user, "delete", target)
        with self.store.lock:
            obj = self.store.get(target.resource, target.namespace, target.name)
            for name, wanted in (options.get("preconditions") or {}).items():
                have = obj["metadata"][name]
                if wanted and wanted != have:
                    raise Refused(409, f"Precondition failed: {name} in precondition: {wanted}, in object meta: {have}")
            policy = options.get("propagationPolicy") or query.get("propagationPolicy") or "Background"
            if policy not in ("Background", "Foreground", "Orphan"):
                raise Refused(422, f"DeleteOptions is invalid: propagationPolicy: Unsupported value: {policy!r}")
            if target.resource.plural == "pods" and obj["spec"].get("nodeName"):
                mark_deleted(self.store, target.resource, obj)
            else:
                self.store.remove(target.resource, target.namespace, target.name)
        self._settle()
        return success(target.resource.plural, target.name, obj["metadata"]["uid"])

    def _allow(self, user: User, verb: str, target: Target) -> None:
        resource = target.resource.plural + (f"/{target.sub}" if target.sub else "")
        if resource in BASIC:
            return
        self.authorizer.check(user, Ask(verb, target.resource.group, resource, target.namespace, target.name))

    def _continued(self, query: Query) -> tuple[int, list[str]]:
        if not query.get("continue"):
            return self.store.version, []
        try:
            token = json.loads(base64.urlsafe_b64decode(query["continue"] + "=="))
            version, start = int(token["rv"]), list(token["start"])
        except (ValueError, KeyError, TypeError):
            raise Refused(400, "continue key is not valid") from None
        if version <= self.store.oldest:
            raise Refused(
                410,
                "The provided continue parameter is too old to display a consistent list result. You can start a new "
                "list without the continue parameter.",
            )
        return version, start


def merge(target: Any, patch: Any) -> Any:
    """JSON merge patch, RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    if not isinstance(target, dict):
        target = {}
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        else:
            target[name] = merge(target.get(name), value)
    return target


def mark_deleted(store: Store, resource: Resource, pod: Object, seconds: int | None = None) -> None:
    """A pod on a node ends gracefully: the kubelet removes it once its containers have ended."""
    if pod["metadata"].get("deletionTimestamp"):
        return
    grace = seconds if seconds is not None else pod["spec"].get("terminationGracePeriodSeconds", 30)
    pod["metadata"]["deletionTimestamp"] = store.time()
    pod["metadata"]["deletionGracePeriodSeconds"] = grace
    store.replace(resource, pod)


def _default(resource: Resource, obj: Object) -> None:
    if resource.plural == "jobs":
        spec = obj["spec"]
        for field, value in {"parallelism": 1, "completions": 1, "backoffLimit": 6, "suspend": False}.items():
            spec.setdefault(field, value)
        spec.setdefault("completionMode", "NonIndexed")
        spec.setdefault("podReplacementPolicy", "Failed" if spec.get("podFailurePolicy") else "TerminatingOrFailed")
        spec["template"].setdefault("metadata", {}).setdefault("labels", {})
        obj["status"] = {}
    if resource.plural == "namespaces":
        obj["status"] = {"phase": "Active"}
        obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = obj["metadata"]["name"]
    if resource.plural == "pods":
        obj["status"] = {"phase": "Pending"}
    if resource.plural == "secrets":
        obj.setdefault("type", "Opaque")


def _key(obj: Object) -> list[str]:
    return [obj["metadata"].get("namespace", ""), obj["metadata"]["name"]]
