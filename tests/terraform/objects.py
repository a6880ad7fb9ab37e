"""Converts a state of the stub to the objects that Terraform's kubernetes provider would send to the API server.

The provider writes the API's names in snake case, lists of one for objects, and the singular for lists.
"""

import base64
import gzip
import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

from tests.terraform.offline.mirror import HERE

_KINDS: Final = {
    "kubernetes_config_map_v1": ("v1", "ConfigMap"),
    "kubernetes_namespace_v1": ("v1", "Namespace"),
    "kubernetes_network_policy_v1": ("networking.k8s.io/v1", "NetworkPolicy"),
    "kubernetes_pod_disruption_budget_v1": ("policy/v1", "PodDisruptionBudget"),
    "kubernetes_role_binding_v1": ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    "kubernetes_role_v1": ("rbac.authorization.k8s.io/v1", "Role"),
    "kubernetes_secret_v1": ("v1", "Secret"),
    "kubernetes_service_account_v1": ("v1", "ServiceAccount"),
    "kubernetes_service_v1": ("v1", "Service"),
    "kubernetes_stateful_set_v1": ("apps/v1", "StatefulSet"),
}
_PLURALS: Final = {
    "container": "containers",
    "image_pull_secret": "imagePullSecrets",
    "port": "ports",
    "rule": "rules",
    "subject": "subjects",
    "toleration": "tolerations",
    "volume": "volumes",
    "volume_claim_template": "volumeClaimTemplates",
    "volume_mount": "volumeMounts",
}
_WORDS: Final = {"cluster_ip": "clusterIP"}
_ALWAYS_ONE: Final = frozenset({"label_selector"})
_OCTAL: Final = frozenset({"default_mode"})
_NOTHING: Final = (None, "", False, 0)
UNKNOWN: Final = "stub-unknown"
"""What a provider alone knows, where none has been asked."""


def objects(resources: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The cluster's objects among a deployment's resources (address -> values)."""
    made = []
    for address, values in resources.items():
        kind = next((part for part in address.split(".") if part.startswith("kubernetes_")), None)
        if kind in _KINDS:
            version, name = _KINDS[kind]
            body = _block(values, schema("kubernetes")["resources"][kind])
            if name == "Secret":
                data = {} if _made_up(values["data"]) else values["data"]
                body["data"] = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
            made.append({"apiVersion": version, "kind": name, **body})
    return made


def essence(value: Any) -> Any:
    """Removes values without meaning: an API server treats an absent value, null and the default alike, and the
    provider writes numbers as text."""
    if isinstance(value, Mapping):
        pruned = {key: essence(item) for key, item in value.items()}
        return {key: item for key, item in pruned.items() if item not in _NOTHING and item != []}
    if isinstance(value, list | tuple):
        return [essence(item) for item in value]
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def by_name(documents: Iterable[dict[str, Any]]) -> dict[tuple[str, str, str], dict[str, Any]]:
    return {
        (document["kind"], document["metadata"].get("namespace") or "", document["metadata"]["name"]): essence(document)
        for document in documents
    }


def as_the_provider_can(wanted: dict[str, Any], found: dict[str, Any], digest: str) -> None:
    """Removes from two StatefulSets the parts in which Terraform has to differ: its provider has no field for AppArmor
    but the annotation that came before it, claims without their kind, and a default that the stub leaves out. Terraform
    knows the certificate, too, so its `digest` (an annotation) is of more."""
    template = wanted["spec"]["template"]
    security = template["spec"]["containers"][0]["securityContext"]
    assert security.pop("appArmorProfile") == {"type": "Unconfined"}
    security["allowPrivilegeEscalation"] = True
    for claim in wanted["spec"]["volumeClaimTemplates"]:
        del claim["apiVersion"], claim["kind"]
    other = found["spec"]["template"]
    other["spec"]["containers"][0]["securityContext"].setdefault("allowPrivilegeEscalation", True)
    annotations = other["metadata"]["annotations"]
    assert annotations.pop("container.apparmor.security.beta.kubernetes.io/buildkitd") == "unconfined"
    for metadata in (template["metadata"], other["metadata"]):
        assert metadata["annotations"].pop(digest)


def _block(values: Mapping[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, attribute in schema["a"].items():
        value = values.get(name)
        ours = attribute["r"] or attribute["o"]
        if ours and name != "id" and value not in _NOTHING and value not in ([], {}) and not _made_up(value):
            made[_camel(name)] = int(value, 8) if name in _OCTAL else value
    for name, nested in schema["b"].items():
        found = values.get(name) or []
        blocks = [_block(item, nested["block"]) for item in (found if isinstance(found, list) else [found])]
        if not blocks or name == "timeouts":
            continue
        if nested["max"] == 1 or name in _ALWAYS_ONE:
            made[_camel(name)] = blocks[0]
        else:
            made[_PLURALS.get(name, _camel(name))] = blocks
    return made


def _made_up(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("stub-")


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return _WORDS.get(name) or first + "".join(word.capitalize() for word in rest)


@cache
def schema(provider: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(gzip.decompress((HERE / "schemas" / f"{provider}.json.gz").read_bytes()))
    return document
