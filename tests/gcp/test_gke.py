"""A GKE cluster's address by the API of Container Engine, and builds in it with the function's own token."""

import base64
from collections.abc import Callable, Iterator
from typing import Any

import certifi
import msgspec
import pytest

from boatyard.errors import BoatyardError
from boatyard_gcp import cluster
from boatyard_gcp.cluster import find_cluster
from boatyard_gcp.rest import GoogleRest
from boatyard_kubernetes.access import function_access
from boatyard_serverless.cluster import ClusterAddress
from tests.gcp.discovery import Asked
from tests.gcp.loopback import NOT_FOUND, ApiServer
from tests.gcp.metadata_server import PROJECT, MetadataServer
from tests.gcp.payloads import request
from tests.gcp.site import Site, order
from tests.kubernetes.loopback.rbac import User, service_account
from tests.kubernetes.site import FUNCTION, HOME, settings
from tests.kubernetes.site import Site as Dataplane

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

    def _get(self, asked: Asked) -> Any:
        if asked.params["name"] not in self.found:
            raise NOT_FOUND
        return self.found[asked.params["name"]]


@pytest.fixture
def clusters(metadata: MetadataServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clusters]:
    with ApiServer("container", "v1", metadata) as server:
        monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER", server.url)
        yield Clusters(server)


@pytest.mark.parametrize(
    ("made", "address"),
    [
        ({"dns": True}, ClusterAddress(f"https://{DNS}", "")),
        ({"dns": True, "ip": False}, ClusterAddress(f"https://{DNS}", "")),
        ({"dns": False}, ClusterAddress("https://203.0.113.5", CA)),
        ({}, ClusterAddress("https://203.0.113.5", CA)),
        ({"status": "RECONCILING"}, ClusterAddress("https://203.0.113.5", CA)),
    ],
)
def test_the_dns_endpoint_is_taken_where_it_is_open_else_the_address_with_its_ca(
    rest: GoogleRest, clusters: Clusters, made: dict[str, Any], address: ClusterAddress
) -> None:
    clusters.make(**made)
    assert find_cluster(rest, NAME) == address


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ({"dns": False, "ip": False}, "--enable-dns-access"),
        ({"ip": False, "status": "PROVISIONING"}, "is PROVISIONING"),
        ({"ip": False, "status": "ERROR"}, "is ERROR"),
    ],
)
def test_a_cluster_that_cannot_be_reached_says_why(
    rest: GoogleRest, clusters: Clusters, made: dict[str, Any], words: str
) -> None:
    clusters.make(**made)
    with pytest.raises(BoatyardError) as refused:
        find_cluster(rest, NAME)
    assert refused.value.code == "DATAPLANE_UNAVAILABLE" and words in refused.value.detail


def test_a_cluster_that_is_not_there_or_may_not_be_seen(rest: GoogleRest, clusters: Clusters) -> None:
    with pytest.raises(BoatyardError) as refused:
        find_cluster(rest, NAME)
    assert refused.value.code == "DATAPLANE_DENIED" and f"no GKE cluster {NAME}" in refused.value.detail
    clusters.server.fail(GET, 403, "PERMISSION_DENIED")
    with pytest.raises(BoatyardError) as refused:
        find_cluster(rest, NAME)
    assert refused.value.code == "DATAPLANE_DENIED" and "roles/container.clusterViewer" in refused.value.detail


def test_an_api_that_is_disabled_is_named(rest: GoogleRest, clusters: Clusters) -> None:
    clusters.server.fail(GET, 403, "PERMISSION_DENIED", reason="SERVICE_DISABLED")
    with pytest.raises(BoatyardError, match=r"gcloud services enable container\.googleapis\.com"):
        find_cluster(rest, NAME)


class TestInTheFunction:
    """A request becomes a Job in a cluster that knows Google's access tokens, as GKE does."""

    @pytest.fixture
    def dataplane(self, metadata: MetadataServer) -> Iterator[Dataplane]:
        def authenticate(token: str) -> User | None:
            return service_account(HOME, FUNCTION) if metadata.knows(f"Bearer {token}") else None

        made = Dataplane(settings())
        made.cluster.server.users = lambda token: made.cluster.users.get(token) or authenticate(token)
        made.cluster.namespace("ml-dev")
        subject = {"kind": "ServiceAccount", "name": FUNCTION, "namespace": HOME}
        access = [obj.to_dict() for obj in function_access(made.settings, subject, ["ml-dev"])]
        made.cluster.apply(*(obj for obj in access if obj["metadata"].get("namespace") == "ml-dev"))
        yield made
        made.close()

    @pytest.fixture
    def site(
        self,
        make: Callable[..., Site],
        clusters: Clusters,
        dataplane: Dataplane,
        monkeypatch: pytest.MonkeyPatch,
    ) -> Site:
        """The API server on loopback speaks no TLS: that one letter is all that differs."""
        begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
        pem = begin + certifi.contents().partition(begin)[2].partition(end)[0] + end + "\n"
        clusters.make()
        clusters.found[NAME] |= {
            "endpoint": dataplane.cluster.server.url.removeprefix("http://"),
            "masterAuth": {"clusterCaCertificate": base64.b64encode(pem.encode()).decode()},
        }

        def found(rest: GoogleRest, name: str) -> ClusterAddress:
            address = find_cluster(rest, name)
            return msgspec.structs.replace(address, endpoint=address.endpoint.replace("https://", "http://"))

        monkeypatch.setattr(cluster, "find_cluster", found)
        return make(
            BOATYARD_RUNNER="kubernetes",
            BOATYARD_CLUSTER="europe-west1/dataplane",
            BOATYARD_BUILDKIT__ENABLED="false",
            BOATYARD_KUBERNETES__BUILDER_IMAGE="registry.test/builder:1",
            BOATYARD_AUTHENTICATION_TYPE="google",
        )

    def test_a_request_becomes_a_job_and_equal_ones_join_it(
        self, site: Site, dataplane: Dataplane, clusters: Clusters
    ) -> None:
        status, answer = site.ask(request("POST", "/v1/builds", order()))
        assert status == 202, answer
        (job,) = dataplane.cluster.objects("Job")
        assert job["metadata"]["namespace"] == "ml-dev" and answer["id"] in job["metadata"]["name"]
        status, joined = site.ask(request("POST", "/v1/builds", order()))
        assert status == 202 and joined["joined"] and joined["id"] == answer["id"]
        assert clusters.server.count(GET) == 1, "where the cluster is, is asked once"

    def test_its_pod_is_the_service_account_that_workload_identity_knows(
        self, site: Site, dataplane: Dataplane
    ) -> None:
        """The pod's credential helper asks the metadata server; no token of the cluster is mounted."""
        assert site.ask(request("POST", "/v1/builds", order()))[0] == 202
        (job,) = dataplane.cluster.objects("Job")
        pod = job["spec"]["template"]["spec"]
        assert pod["serviceAccountName"] == site.settings.kubernetes.service_account
        assert pod["automountServiceAccountToken"] is False

    def test_a_token_that_the_cluster_does_not_know_is_not_let_in(self, site: Site, dataplane: Dataplane) -> None:
        dataplane.cluster.server.users = lambda token: None
        status, problem = site.ask(request("POST", "/v1/builds", order()))
        assert status == 502 and problem["code"] == "DATAPLANE_DENIED" and not dataplane.cluster.objects("Job")

    def test_a_cluster_that_is_away_is_a_retry(self, site: Site, clusters: Clusters) -> None:
        clusters.found[NAME]["endpoint"] = "127.0.0.1:9"
        status, problem = site.ask(request("POST", "/v1/builds", order()))
        assert status == 503 and problem["code"] == "DATAPLANE_UNAVAILABLE" and problem["retryable"]

    def test_a_cluster_that_is_being_made_is_a_retry(self, site: Site, clusters: Clusters) -> None:
        clusters.found[NAME] = {"name": "dataplane", "status": "PROVISIONING"}
        status, problem = site.ask(request("POST", "/v1/builds", order()))
        assert status == 503 and "PROVISIONING" in problem["detail"]
