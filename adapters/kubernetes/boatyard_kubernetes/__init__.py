"""Builds as Jobs in the dataplane's cluster."""

from boatyard_kubernetes.cluster import Cluster, connect
from boatyard_kubernetes.runner import KubernetesJobRunner
from boatyard_kubernetes.secret_store import KubernetesSecretStore

__all__ = ["Cluster", "KubernetesJobRunner", "KubernetesSecretStore", "connect"]
