"""Reviews, which are answered and not stored: the caller's identity, and permissions of the caller or others.

kubernetes.io/docs/reference/kubernetes-api/authorization-resources and .../authentication-resources;
pkg/registry/authorization/*/rest.go and pkg/apis/authorization/validation of Kubernetes.
"""

from tests.kubernetes.loopback.rbac import Ask, Authorizer, User
from tests.kubernetes.loopback.resources import Target
from tests.kubernetes.loopback.status import Refused
from tests.kubernetes.loopback.store import Object
from tests.kubernetes.loopback.validation import validator

BASIC = ("selfsubjectaccessreviews", "selfsubjectreviews")
"""system:basic-user grants them to everybody who is known."""
REVIEWS = (*BASIC, "subjectaccessreviews", "localsubjectaccessreviews")


def review(authorizer: Authorizer, user: User, target: Target, obj: Object) -> Object:
    resource = target.resource
    for error in validator(resource.api_version, resource.kind).iter_errors(obj):
        raise Refused(400, f"strict decoding error: {'.'.join(map(str, error.path))}: {error.message[:200]}")
    if resource.plural == "selfsubjectreviews":
        return {**obj, "status": {"userInfo": {"username": user.name, "groups": list(user.groups)}}}
    spec = obj["spec"]
    if resource.plural not in BASIC:
        if not spec.get("user") and not spec.get("groups"):
            raise Refused(
                422, f'{resource.kind} "" is invalid: spec.user: at least one of user or group must be specified'
            )
        user = User(spec.get("user") or "", tuple(spec.get("groups") or ()))
    asked = spec["resourceAttributes"]
    if resource.namespaced and asked.get("namespace", "") != target.namespace:
        raise Refused(
            422, f"{resource.kind} is invalid: spec.resourceAttributes.namespace: must match metadata.namespace"
        )
    sub = f"/{asked['subresource']}" if asked.get("subresource") else ""
    ask = Ask(
        asked["verb"],
        asked.get("group", ""),
        asked["resource"] + sub,
        asked.get("namespace", ""),
        asked.get("name", ""),
    )
    return {**obj, "status": {"allowed": authorizer.allows(user, ask)}}
