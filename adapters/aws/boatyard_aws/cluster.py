"""An EKS cluster without a kubeconfig: its address and CA, and a token for it.

The token's format is aws-iam-authenticator's (https://github.com/kubernetes-sigs/aws-iam-authenticator, "API
Authorization from Outside a Cluster"), and what `aws eks get-token` prints: a presigned sts:GetCallerIdentity, which
the cluster's authenticator sends. The cluster takes it for 15 minutes after it was signed. No call leaves this process
to make it, and the role needs no permission.
"""

import base64
import threading
import time
from collections.abc import Callable
from typing import Final

import msgspec
from lightkube.config.kubeconfig import SingleConfig
from lightkube.config.models import Cluster, Context, User

from boatyard.errors import BoatyardError, Code
from boatyard_aws.clients import Clients
from boatyard_aws.faults import code_of, explained

_PREFIX: Final = "k8s-aws-v1."
_CLUSTER_HEADER: Final = "x-k8s-aws-id"
_URL_SECONDS: Final = 60
_FRESH_SECONDS: Final = 14 * 60 - 60
"""One minute before awscli's own idea of its end, which is one before the cluster's."""


class Address(msgspec.Struct, frozen=True):
    endpoint: str
    ca_data: str
    """PEM, in base64, as a kubeconfig has it."""


def find_cluster(clients: Clients, name: str, *, region: str = "") -> Address:
    """Raises DATAPLANE_UNAVAILABLE while it is being made or is away, DATAPLANE_DENIED if it is not to be seen."""
    from botocore.exceptions import ClientError

    codes = {"unavailable": Code.DATAPLANE_UNAVAILABLE, "denied": Code.DATAPLANE_DENIED}
    with explained("eks:DescribeCluster", f"cluster/{name}", **codes):
        try:
            cluster = clients.eks(region).describe_cluster(name=name)["cluster"]
        except ClientError as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
            raise BoatyardError(Code.DATAPLANE_DENIED, f"there is no EKS cluster {name} in this region") from None
    endpoint, ca_data = cluster.get("endpoint"), cluster.get("certificateAuthority", {}).get("data")
    if not endpoint or not ca_data:
        raise BoatyardError(
            Code.DATAPLANE_UNAVAILABLE, f"the EKS cluster {name} is {cluster.get('status', 'not ready')}"
        )
    return Address(endpoint, ca_data)


def single_config(name: str, address: Address) -> SingleConfig:
    """lightkube's connection parameters, in memory. The user has no credentials: the token comes with each request."""
    cluster = Cluster(server=address.endpoint, certificate_auth_data=address.ca_data)
    return SingleConfig(context_name=name, context=Context(cluster=name, user=name), cluster=cluster, user=User())


class EksToken:
    """Calling it gives a token that lasts another minute at least. Thread-safe."""

    def __init__(
        self,
        clients: Clients,
        cluster: str,
        *,
        region: str = "",
        now: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Its age is what either clock says: one may stand still while Lambda has frozen the function, the other may
        be set."""
        self._clients = clients
        self._cluster = cluster
        self._region = region
        self._clocks = (now, wall)
        self._token = ""
        self._made_at = (float("-inf"), float("-inf"))
        self._lock = threading.Lock()

    def __call__(self) -> str:
        """Raises DATAPLANE_DENIED without credentials."""
        with self._lock:
            if max(clock() - made for clock, made in zip(self._clocks, self._made_at, strict=True)) >= _FRESH_SECONDS:
                self._token = self._make()
                self._made_at = (self._clocks[0](), self._clocks[1]())
            return self._token

    def _make(self) -> str:
        from botocore.exceptions import NoCredentialsError
        from botocore.signers import RequestSigner

        codes = {"unavailable": Code.DATAPLANE_UNAVAILABLE, "denied": Code.DATAPLANE_DENIED}
        with explained("sts:GetCallerIdentity", f"cluster/{self._cluster}", **codes):
            session = self._clients.session
            credentials = session.get_credentials()
            if credentials is None:
                raise NoCredentialsError
            sts = self._clients.sts(self._region)
            region = sts.meta.region_name
            signer = RequestSigner(
                sts.meta.service_model.service_id,
                region,
                "sts",
                "v4",
                credentials,
                session.get_component("event_emitter"),
            )
            url = signer.generate_presigned_url(
                {
                    "method": "GET",
                    "url": f"{sts.meta.endpoint_url.rstrip('/')}/?Action=GetCallerIdentity&Version=2011-06-15",
                    "body": {},
                    "headers": {_CLUSTER_HEADER: self._cluster},
                    "context": {},
                },
                region_name=region,
                expires_in=_URL_SECONDS,
                operation_name="",
            )
        return _PREFIX + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
