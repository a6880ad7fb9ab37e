"""Admission: refusals for reasons beyond the object itself, in the plugins' own words.

A Job may be admitted while its pods are not: PodSecurity, quota on pods and a missing service account refuse the pods
when the Job controller creates them, and an event of the Job reports it.
kubernetes.io/docs/concepts/security/pod-security-admission
"""

from typing import Any

from tests.kubernetes.loopback.resources import BY_PATH, Resource
from tests.kubernetes.loopback.status import Refused
from tests.kubernetes.loopback.store import Object, Store

_NAMESPACES = BY_PATH["", "v1", "namespaces"]
_QUOTAS = BY_PATH["", "v1", "resourcequotas"]
_ACCOUNTS = BY_PATH["", "v1", "serviceaccounts"]
_LEVEL = "pod-security.kubernetes.io/enforce"


def admit(store: Store, resource: Resource, obj: Object) -> None:
    namespace = obj["metadata"].get("namespace", "")
    if resource.namespaced:
        try:
            found = store.get(_NAMESPACES, "", namespace)
        except Refused:
            raise Refused(404, f'namespaces "{namespace}" not found', details={"kind": "namespaces"}) from None
        if found.get("status", {}).get("phase") == "Terminating":
            raise _forbidden(
                resource, obj, f"unable to create new content in namespace {namespace} because it is being terminated"
            )
        _quota(store, resource, obj, namespace)
        if resource.plural == "pods":
            _service_account(store, obj, namespace)
            _pod_security(found, obj)
            for webhook in store.webhooks:
                webhook(obj)


def _quota(store: Store, resource: Resource, obj: Object, namespace: str) -> None:
    for quota in store.find(_QUOTAS, namespace):
        for key, hard in quota["spec"]["hard"].items():
            counted = {"pods": "pods", "count/jobs.batch": "jobs.batch", "count/secrets": "secrets"}.get(key)
            if counted != resource.full:
                continue
            used = len(store.find(resource, namespace))
            if used >= int(hard):
                name = quota["metadata"]["name"]
                raise _forbidden(
                    resource,
                    obj,
                    f"exceeded quota: {name}, requested: {key}=1, used: {key}={used}, limited: {key}={hard}",
                )


def _service_account(store: Store, pod: Object, namespace: str) -> None:
    name = pod["spec"].get("serviceAccountName") or "default"
    try:
        store.get(_ACCOUNTS, namespace, name)
    except Refused:
        raise _forbidden(
            BY_PATH["", "v1", "pods"],
            pod,
            f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found',
        ) from None


def _pod_security(namespace: Object, pod: Object) -> None:
    level = (namespace["metadata"].get("labels") or {}).get(_LEVEL, "privileged")
    problems = list(violations(level, pod["spec"]))
    if problems:
        raise _forbidden(
            BY_PATH["", "v1", "pods"], pod, f'violates PodSecurity "{level}:latest": {", ".join(problems)}'
        )


def violations(level: str, pod: dict[str, Any]) -> list[str]:
    """The checks of the Pod Security Standards that a build's pod can meet or fail."""
    found: list[str] = []
    if level == "privileged":
        return found
    podwide = pod.get("securityContext") or {}
    containers = [*pod["containers"], *(pod.get("initContainers") or [])]
    if pod.get("hostNetwork") or pod.get("hostPID") or pod.get("hostIPC"):
        found.append("host namespaces (hostNetwork=true)")
    if any("hostPath" in volume for volume in pod.get("volumes") or ()):
        found.append("hostPath volumes")
    for container in containers:
        name, own = container["name"], container.get("securityContext") or {}
        seccomp = (own.get("seccompProfile") or podwide.get("seccompProfile") or {}).get("type")
        apparmor = (own.get("appArmorProfile") or podwide.get("appArmorProfile") or {}).get("type")
        if own.get("privileged"):
            found.append(f'privileged (container "{name}" must not set securityContext.privileged=true)')
        if seccomp == "Unconfined":
            found.append(
                f'seccompProfile (container "{name}" must not set securityContext.seccompProfile.type to "Unconfined")'
            )
        if apparmor == "Unconfined":
            found.append(
                f'forbidden AppArmor profile (container "{name}" must not set AppArmor profile type to "Unconfined")'
            )
        if own.get("procMount") not in (None, "Default"):
            found.append(f'procMount (container "{name}")')
        if level == "restricted":
            if own.get("allowPrivilegeEscalation") is not False:
                found.append(
                    f'allowPrivilegeEscalation != false (container "{name}" must set '
                    "securityContext.allowPrivilegeEscalation=false)"
                )
            if "ALL" not in ((own.get("capabilities") or {}).get("drop") or ()):
                found.append(
                    f'unrestricted capabilities (container "{name}" must set securityContext.capabilities.drop=["ALL"])'
                )
            if not (own.get("runAsNonRoot") or podwide.get("runAsNonRoot")):
                found.append(
                    f'runAsNonRoot != true (pod or container "{name}" must set securityContext.runAsNonRoot=true)'
                )
            if seccomp not in ("RuntimeDefault", "Localhost", "Unconfined"):
                found.append(
                    f'seccompProfile (pod or container "{name}" must set securityContext.seccompProfile.type to '
                    '"RuntimeDefault" or "Localhost")'
                )
    return found


def _forbidden(resource: Resource, obj: Object, why: str) -> Refused:
    return Refused(403, f'{resource.full} "{obj["metadata"]["name"]}" is forbidden: {why}')
