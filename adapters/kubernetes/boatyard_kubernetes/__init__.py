"""Builds as Jobs in the dataplane's cluster."""

from boatyard_kubernetes.cluster import Cluster, connect
from boatyard_kubernetes.runner import KubernetesJobRunner

__all__ = ["Cluster", "KubernetesJobRunner", "connect"]
