"""Small controllers: garbage collection (deleted owners), the TTL of finished Jobs, default service accounts."""

from tests.kubernetes.loopback.api import mark_deleted
from tests.kubernetes.loopback.job_controller import JOBS, PODS, condition
from tests.kubernetes.loopback.resources import BY_KIND
from tests.kubernetes.loopback.status import Refused
from tests.kubernetes.loopback.store import Object, Store, unix


def collect_garbage(store: Store) -> None:
    """kubernetes.io/docs/concepts/architecture/garbage-collection: an owner is identified by its uid, not its name."""
    for resource, obj in list(store.owned()):
        metadata = obj["metadata"]
        if any(_exists(store, owner, metadata["namespace"]) for owner in metadata["ownerReferences"]):
            continue
        try:
            if resource is PODS and obj["spec"].get("nodeName"):
                mark_deleted(store, PODS, obj)
            else:
                store.remove(resource, metadata["namespace"], metadata["name"])
        except Refused:
            continue


def remove_finished(store: Store) -> None:
    for job in store.find(JOBS):
        ttl = job["spec"].get("ttlSecondsAfterFinished")
        end = condition(job, "Complete") or condition(job, "Failed")
        if ttl is not None and end and store.now() >= unix(end["lastTransitionTime"]) + ttl:
            store.remove(JOBS, job["metadata"]["namespace"], job["metadata"]["name"])


def give_default_accounts(store: Store) -> None:
    """The service account controller: each namespace has a `default` one."""
    accounts = BY_KIND["v1", "ServiceAccount"]
    have = {a["metadata"]["namespace"] for a in store.find(accounts) if a["metadata"]["name"] == "default"}
    for namespace in store.find(BY_KIND["v1", "Namespace"]):
        if namespace["metadata"]["name"] not in have:
            metadata = {"name": "default", "namespace": namespace["metadata"]["name"]}
            store.add(accounts, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})


def _exists(store: Store, owner: Object, namespace: str) -> bool:
    resource = BY_KIND[owner["apiVersion"], owner["kind"]]
    try:
        found = store.get(resource, namespace if resource.namespaced else "", owner["name"])
    except Refused:
        return False
    return bool(found["metadata"]["uid"] == owner["uid"])
