"""Where a cluster is and whom it trusts: eks:DescribeCluster, once for each function instance."""

import msgspec

from boatyard.errors import BoatyardError
from boatyard_aws.clients import Clients
from boatyard_aws.faults import code_of, explained


class Address(msgspec.Struct, frozen=True):
    endpoint: str
    ca_data: str
    """PEM, in base64, as a kubeconfig has it."""


def find_cluster(clients: Clients, name: str, *, region: str = "") -> Address:
    """Raises DATAPLANE_UNAVAILABLE while it is being made or is away, DATAPLANE_DENIED if it is not to be seen."""
    from botocore.exceptions import ClientError

    codes = {"unavailable": "DATAPLANE_UNAVAILABLE", "denied": "DATAPLANE_DENIED"}
    with explained("eks:DescribeCluster", f"cluster/{name}", **codes):
        try:
            cluster = clients.eks(region).describe_cluster(name=name)["cluster"]
        except ClientError as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
            raise BoatyardError("DATAPLANE_DENIED", f"there is no EKS cluster {name} in this region") from None
    endpoint, ca_data = cluster.get("endpoint"), cluster.get("certificateAuthority", {}).get("data")
    if not endpoint or not ca_data:
        raise BoatyardError("DATAPLANE_UNAVAILABLE", f"the EKS cluster {name} is {cluster.get('status', 'not ready')}")
    return Address(endpoint, ca_data)
