"""GKE on loopback: Container Engine's API, and a cluster that knows Google's access tokens, over TLS."""

import base64
from typing import Any

from boatyard.settings import Settings
from tests.gcp.discovery import Asked
from tests.gcp.loopback import NOT_FOUND, ApiServer
from tests.gcp.metadata_server import PROJECT, MetadataServer
from tests.kubernetes.over_tls import ClusterOverTls

NAME = f"projects/{PROJECT}/locations/europe-west1/clusters/dataplane"
GET = "container.projects.locations.clusters.get"
CA = base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode()
DNS = "gke-0123456789abcdef-123456789.europe-west1.gke.goog"


class Clusters:
    """Container Engine played. `found` are what each cluster's document says, by whole name."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self.found: dict[str, dict[str, Any]] = {}
        server.on(GET, self._get)

    def make(self, *, ip: bool = True, dns: bool | None = None, status: str = "RUNNING") -> None:
        endpoints: dict[str, Any] = {"ipEndpointsConfig": {"enabled": ip, "enablePublicEndpoint": ip}}
        if dns is not None:
            endpoints["dnsEndpointConfig"] = {"endpoint": DNS, "allowExternalTraffic": dns}
        document: dict[str, Any] = {"name": "dataplane", "status": status, "controlPlaneEndpointsConfig": endpoints}
        if ip:
            document |= {"endpoint": "203.0.113.5", "masterAuth": {"clusterCaCertificate": CA}}
        self.found[NAME] = document

    def lead_to(self, dataplane: "GkeCluster", way: str) -> None:
        """`way`: ca, an IP address with the cluster's own authority, or dns, a name with a public authority's."""
        self.make(dns=way == "dns")
        document = self.found[NAME]
        if way == "dns":
            document["controlPlaneEndpointsConfig"]["dnsEndpointConfig"]["endpoint"] = f"localhost:{dataplane.port}"
        else:
            document["endpoint"] = f"127.0.0.1:{dataplane.port}"
            document["masterAuth"]["clusterCaCertificate"] = dataplane.ca_data

    def _get(self, asked: Asked) -> Any:
        if asked.params["name"] not in self.found:
            raise NOT_FOUND
        return self.found[asked.params["name"]]


class GkeCluster(ClusterOverTls):
    def __init__(self, settings: Settings, metadata: MetadataServer, **options: Any) -> None:
        super().__init__(settings, lambda token: metadata.knows(f"Bearer {token}"), **options)
