"""EKS without a kubeconfig: the cluster's address and CA, and a token for it."""

from boatyard_aws.eks.address import Address, find_cluster
from boatyard_aws.eks.token import EksToken

__all__ = ["Address", "EksToken", "find_cluster"]
