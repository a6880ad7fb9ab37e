"""Imitates EKS's pod identity webhook for pods whose service account names a role.

github.com/aws/amazon-eks-pod-identity-webhook: two variables and a projected token, in every container.
"""

from typing import Any

from tests.kubernetes.loopback.resources import BY_PATH
from tests.kubernetes.loopback.status import Refused
from tests.kubernetes.loopback.store import Object, Store

ROLE = "eks.amazonaws.com/role-arn"
FOLDER = "/var/run/secrets/eks.amazonaws.com/serviceaccount"
_VOLUME = "aws-iam-token"


def mutate(store: Store, pod: Object) -> None:
    name = pod["spec"].get("serviceAccountName") or "default"
    try:
        account = store.get(BY_PATH["", "v1", "serviceaccounts"], pod["metadata"]["namespace"], name)
    except Refused:
        return
    role = (account["metadata"].get("annotations") or {}).get(ROLE)
    if not role:
        return
    token = {"serviceAccountToken": {"audience": "sts.amazonaws.com", "expirationSeconds": 86400, "path": "token"}}
    pod["spec"].setdefault("volumes", []).append({"name": _VOLUME, "projected": {"sources": [token]}})
    containers: list[dict[str, Any]] = [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or [])]
    for container in containers:
        container.setdefault("env", []).extend(
            [
                {"name": "AWS_ROLE_ARN", "value": role},
                {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": f"{FOLDER}/token"},
            ]
        )
        container.setdefault("volumeMounts", []).append({"name": _VOLUME, "mountPath": FOLDER, "readOnly": True})
