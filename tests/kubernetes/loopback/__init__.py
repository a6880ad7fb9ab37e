"""A loopback Kubernetes for tests: the project's own API server, controllers and kubelet.

It is not a Kubernetes. It implements the part of the published API (1.32) that Boatyard uses, as documented, and
refuses everything else, so that a request that a real server would refuse fails here, too. It has no etcd, TLS,
aggregation, priority and fairness, protobuf, strategic merge patches, no admission webhooks except for one that
imitates workload identity.
"""

from tests.kubernetes.loopback.cluster import LoopbackCluster

__all__ = ["LoopbackCluster"]
