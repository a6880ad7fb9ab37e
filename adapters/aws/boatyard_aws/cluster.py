"""Connects to an EKS cluster without a kubeconfig: finds its address and CA, and creates tokens.

The token's format is aws-iam-authenticator's (https://github.com/kubernetes-sigs/aws-iam-authenticator, "API
Authorization from Outside a Cluster"), as in the output of `aws eks get-token`: a presigned sts:GetCallerIdentity
request, which the cluster's authenticator sends. The cluster accepts it for 15 minutes after signing. Creating it makes
no call, and the role needs no permission.
"""

import base64
from functools import partial
from typing import Final

from boatyard.errors import BoatyardError, Code
from boatyard_aws.clients import Clients
from boatyard_aws.faults import AwsCall
from boatyard_serverless.cluster import ClusterAddress, KeptToken

_PREFIX: Final = "k8s-aws-v1."
_CLUSTER_HEADER: Final = "x-k8s-aws-id"
_URL_SECONDS: Final = 60
FRESH_SECONDS: Final = 14 * 60 - 60
"""awscli's own tokens end one minute before the cluster's limit; these are renewed one minute before that."""


def find_cluster(clients: Clients, name: str, *, region: str = "") -> ClusterAddress:
    """Raises DATAPLANE_UNAVAILABLE while the cluster is being created or is gone, DATAPLANE_DENIED without
    permission."""
    with AwsCall("eks:DescribeCluster", f"cluster/{name}", expected={"ResourceNotFoundException"}) as call:
        cluster = clients.eks(region).describe_cluster(name=name)["cluster"]
    if call.met:
        raise BoatyardError(Code.DATAPLANE_DENIED, f"there is no EKS cluster {name} in this region")
    endpoint, ca_data = cluster.get("endpoint"), cluster.get("certificateAuthority", {}).get("data")
    if not endpoint or not ca_data:
        raise BoatyardError(
            Code.DATAPLANE_UNAVAILABLE, f"the EKS cluster {name} is {cluster.get('status', 'not ready')}"
        )
    return ClusterAddress(endpoint, ca_data)


def eks_token(clients: Clients, cluster: str, *, region: str = "") -> KeptToken:
    """Each call of the result returns a token with at least a minute left. Raises DATAPLANE_DENIED without
    credentials."""
    return KeptToken(partial(_sign, clients, cluster, region), FRESH_SECONDS)


def _sign(clients: Clients, cluster: str, region: str) -> str:
    from botocore.exceptions import NoCredentialsError
    from botocore.signers import RequestSigner

    with AwsCall("sts:GetCallerIdentity", f"cluster/{cluster}"):
        session = clients.session
        credentials = session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        sts = clients.sts(region).meta
        signer = RequestSigner(sts.service_model.service_id, sts.region_name, "sts", "v4", credentials, session.events)
        url = f"{sts.endpoint_url.rstrip('/')}/?Action=GetCallerIdentity&Version=2011-06-15"
        signed = signer.generate_presigned_url(
            {"method": "GET", "url": url, "body": {}, "headers": {_CLUSTER_HEADER: cluster}, "context": {}},
            region_name=sts.region_name,
            expires_in=_URL_SECONDS,
            operation_name="",
        )
    return _PREFIX + base64.urlsafe_b64encode(signed.encode()).decode().rstrip("=")
