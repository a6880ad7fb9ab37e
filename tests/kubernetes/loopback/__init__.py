"""A loopback Kubernetes: an API server, its controllers and a kubelet of the project's own, for tests.

It is no Kubernetes. It answers the part of the published API (1.32) that Boatyard asks, the way the
documentation says, and refuses what it does not know, so that a request that a real server would refuse fails
here too. Not in it: etcd, TLS, aggregation, priority and fairness, protobuf, strategic merge patches,
admission webhooks but for the one that stands in for workload identity.
"""

from tests.kubernetes.loopback.cluster import LoopbackCluster

__all__ = ["LoopbackCluster"]
