"""Checks an object as the server does: strictly by the published schema, and by further rules that matter here.

Schemas: kubernetes-validate contains those of the release. Rules: pkg/apis/{core,batch}/validation of Kubernetes.
"""

import base64
import importlib.resources
import json
import re
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing import Resource as Resource_

from tests.kubernetes.loopback.resources import Resource
from tests.kubernetes.loopback.status import Refused
from tests.kubernetes.loopback.store import Object

RELEASE = "1.32"
_SUBDOMAIN = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*\Z")
_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?\Z")
_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)?\Z")
_DNS_LABELS = ("namespaces", "services")
_FREE_NAMES = ("roles", "rolebindings", "clusterroles", "clusterrolebindings", "events")
_JOB_MUTABLE = {"suspend", "parallelism", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"}


def check(resource: Resource, obj: Object) -> None:
    if (obj.get("apiVersion"), obj.get("kind")) != (resource.api_version, resource.kind):
        raise Refused(400, f"the object is a {obj.get('apiVersion')} {obj.get('kind')}, not a {resource.kind}")
    for error in validator(resource.api_version, resource.kind).iter_errors(obj):
        path = ".".join(map(str, error.path))
        raise Refused(400, f"strict decoding error: {path}: {error.message[:200]}")
    metadata = obj["metadata"]
    _name(resource, metadata.get("name", ""))
    for key, value in (metadata.get("labels") or {}).items():
        if len(value) > 63 or not _VALUE.match(value):
            raise invalid(resource, obj, f"metadata.labels: Invalid value: {key}={value!r}")
    if sum(len(k) + len(v) for k, v in (metadata.get("annotations") or {}).items()) > 256 * 1024:
        raise invalid(resource, obj, "metadata.annotations: Too long: may not be more than 262144 bytes")
    match resource.plural:
        case "jobs":
            _job(resource, obj)
        case "pods":
            _pod(resource, obj, obj["spec"])
        case "secrets":
            _secret(resource, obj)


@cache
def validator(api_version: str, kind: str) -> Any:
    """The validator of a kind, cached: kubernetes_validate.validate parses 1 MB for each object."""
    group, _, version = api_version.rpartition("/")
    short = f"{group.split('.')[0]}-{version}" if group else version
    folder = importlib.resources.files("kubernetes_validate") / f"kubernetes-json-schema/v{RELEASE}.0-local-strict"
    schema = json.loads((folder / f"{kind.lower()}-{short}.json").read_bytes())
    definitions = json.loads((folder / "_definitions.json").read_bytes())
    registry: Registry[Any] = Resource_.from_contents(definitions) @ (Resource_.from_contents(schema) @ Registry())
    return Draft202012Validator(schema, registry=registry)


def check_change(resource: Resource, old: Object, new: Object) -> None:
    if resource.plural == "jobs":
        for field in set(old["spec"]) | set(new["spec"]):
            if field not in _JOB_MUTABLE and old["spec"].get(field) != new["spec"].get(field):
                raise invalid(resource, new, f"spec.{field}: Invalid value: field is immutable")
    if resource.plural == "secrets":
        if old.get("immutable") and (old.get("data") != new.get("data") or not new.get("immutable")):
            raise invalid(resource, new, "data: Forbidden: field is immutable when `immutable` is set")
        if old.get("type") != new.get("type"):
            raise invalid(resource, new, "type: Invalid value: field is immutable")
    if old["metadata"]["uid"] != (uid := new["metadata"].get("uid", old["metadata"]["uid"])):
        raise invalid(resource, new, f'metadata.uid: Invalid value: "{uid}": field is immutable')


def invalid(resource: Resource, obj: Object, message: str) -> Refused:
    return Refused(422, f'{resource.kind} "{obj["metadata"].get("name")}" is invalid: {message}')


def _name(resource: Resource, name: str) -> None:
    if not name:
        raise Refused(
            422, f'{resource.kind} "" is invalid: metadata.name: Required value: name or generateName is required'
        )
    if resource.plural in _FREE_NAMES:
        return
    short = resource.plural in _DNS_LABELS
    if len(name) > (63 if short else 253) or not (_LABEL if short else _SUBDOMAIN).match(name):
        raise Refused(422, f'{resource.kind} "{name}" is invalid: metadata.name: Invalid value: "{name}"')


def _job(resource: Resource, obj: Object) -> None:
    spec = obj["spec"]
    pod = spec["template"]["spec"]
    if len(obj["metadata"]["name"]) > 63:
        raise invalid(resource, obj, "metadata.name: must be no more than 63 characters (it becomes a label's value)")
    if pod.get("restartPolicy") not in ("Never", "OnFailure"):
        raise invalid(
            resource, obj, 'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'
        )
    if policy := spec.get("podFailurePolicy"):
        if pod["restartPolicy"] != "Never":
            raise invalid(resource, obj, "spec.template.spec.restartPolicy: only Never with podFailurePolicy")
        if spec.get("podReplacementPolicy", "Failed") != "Failed":
            raise invalid(resource, obj, "spec.podReplacementPolicy: Unsupported value with podFailurePolicy")
        containers = {c["name"] for c in [*pod["containers"], *(pod.get("initContainers") or [])]}
        for rule in policy["rules"]:
            codes = rule.get("onExitCodes")
            if codes and codes["operator"] == "In" and 0 in codes["values"]:
                raise invalid(resource, obj, "spec.podFailurePolicy.rules: 0 is not allowed with In")
            if codes and codes.get("containerName") not in (None, *containers):
                raise invalid(resource, obj, "spec.podFailurePolicy.rules: must be one of the container names")
    for field in ("parallelism", "completions", "backoffLimit", "ttlSecondsAfterFinished", "activeDeadlineSeconds"):
        if spec.get(field, 0) < 0:
            raise invalid(resource, obj, f"spec.{field}: must be greater than or equal to 0")
    _pod(resource, obj, pod)


def _pod(resource: Resource, obj: Object, pod: dict[str, Any]) -> None:
    volumes = {volume["name"] for volume in pod.get("volumes") or ()}
    for container in [*pod["containers"], *(pod.get("initContainers") or [])]:
        for mount in container.get("volumeMounts") or ():
            if mount["name"] not in volumes:
                raise invalid(resource, obj, f'volumeMounts: Not found: "{mount["name"]}"')
        paths = [mount["mountPath"] for mount in container.get("volumeMounts") or ()]
        if len(paths) != len(set(paths)):
            raise invalid(resource, obj, "volumeMounts: mountPath: must be unique")
        if not container.get("image"):
            raise invalid(resource, obj, "spec.template.spec.containers[0].image: Required value")
        for kind, wanted in (container.get("resources", {}).get("requests") or {}).items():
            limit = (container["resources"].get("limits") or {}).get(kind)
            if limit is not None and quantity(wanted) > quantity(limit):
                raise invalid(resource, obj, f"resources.requests: {kind} must be less than or equal to its limit")
    for volume in pod.get("volumes") or ():
        seen: set[str] = set()
        for source in (volume.get("projected") or {}).get("sources") or ():
            for item in (source.get("secret") or source.get("configMap") or {}).get("items") or ():
                if item["path"] in seen or item["path"].startswith("/") or ".." in item["path"].split("/"):
                    raise invalid(resource, obj, f"projected.sources: conflicting or invalid path {item['path']!r}")
                seen.add(item["path"])


def _secret(resource: Resource, obj: Object) -> None:
    data = obj.get("data") or {}
    if sum(len(base64.b64decode(value)) for value in data.values()) > 1024 * 1024:
        raise invalid(resource, obj, "data: Too long: may not be more than 1048576 bytes")
    if obj.get("type") == "kubernetes.io/dockerconfigjson" and ".dockerconfigjson" not in data:
        raise invalid(resource, obj, "data[.dockerconfigjson]: Required value")


@cache
def quantity(text: str) -> float:
    units = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "": 1}
    found = re.match(r"([0-9.]+)(Ki|Mi|Gi|Ti|m|k|M|G|)\Z", text)
    if not found:
        raise Refused(400, f"quantities must match the regular expression: {text!r}")
    return float(found[1]) * units[found[2]]
