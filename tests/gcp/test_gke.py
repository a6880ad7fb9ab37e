"""A GKE cluster's address from the GKE API, and builds in the cluster with the function's token."""

import base64
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import trustme

from boatyard.errors import BoatyardError
from boatyard_gcp.cluster import find_cluster
from boatyard_gcp.rest import GoogleRest
from boatyard_serverless.cluster import ClusterAddress
from tests.gcp.gke import CA, DNS, GET, NAME, Clusters, GkeCluster
from tests.gcp.loopback import ApiServer
from tests.gcp.metadata_server import MetadataServer
from tests.gcp.payloads import request
from tests.gcp.site import Site, order
from tests.kubernetes.site import settings


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
    """A request becomes a Job in a cluster that accepts Google's access tokens, as GKE does."""

    @pytest.fixture
    def dataplane(self, metadata: MetadataServer) -> Iterator[GkeCluster]:
        made = GkeCluster(settings(), metadata)
        yield made
        made.close()

    @pytest.fixture
    def site(self, make: Callable[..., Site], clusters: Clusters, dataplane: GkeCluster) -> Site:
        clusters.lead_to(dataplane, "ca")
        return make(
            BOATYARD_RUNNER="kubernetes",
            BOATYARD_CLUSTER="europe-west1/dataplane",
            BOATYARD_BUILDKIT__ENABLED="false",
            BOATYARD_KUBERNETES__BUILDER_IMAGE="registry.test/builder:1",
            BOATYARD_AUTHENTICATION_TYPE="google",
        )

    def test_a_request_becomes_a_job_and_equal_ones_join_it(
        self, site: Site, dataplane: GkeCluster, clusters: Clusters
    ) -> None:
        status, answer = site.ask(request("POST", "/v1/builds", order()))
        assert status == 202, answer
        (job,) = dataplane.cluster.objects("Job")
        assert job["metadata"]["namespace"] == "ml-dev" and answer["id"] in job["metadata"]["name"]
        status, joined = site.ask(request("POST", "/v1/builds", order()))
        assert status == 202 and joined["joined"] and joined["id"] == answer["id"]
        assert clusters.server.count(GET) == 1, "where the cluster is, is asked once"

    def test_its_pod_is_the_service_account_that_workload_identity_knows(
        self, site: Site, dataplane: GkeCluster
    ) -> None:
        """The pod's credential helper asks the metadata server; no token of the cluster is mounted."""
        assert site.ask(request("POST", "/v1/builds", order()))[0] == 202
        (job,) = dataplane.cluster.objects("Job")
        pod = job["spec"]["template"]["spec"]
        assert pod["serviceAccountName"] == site.settings.kubernetes.service_account
        assert pod["automountServiceAccountToken"] is False

    @pytest.mark.parametrize("way", ["ca", "dns"])
    def test_a_certificate_of_another_authority_is_not_trusted(
        self, way: str, site: Site, dataplane: GkeCluster, clusters: Clusters, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An address's certificate is the cluster's own authority's, a name's a public one's, and no other's."""
        clusters.lead_to(dataplane, way)
        trusted = trustme.CA().cert_pem
        with trusted.tempfile() as public:
            monkeypatch.setenv("SSL_CERT_FILE", public)
            if way == "ca":
                clusters.found[NAME]["masterAuth"]["clusterCaCertificate"] = base64.b64encode(trusted.bytes()).decode()
            status, problem = site.ask(request("POST", "/v1/builds", order()))
        assert status == 503 and problem["code"] == "DATAPLANE_UNAVAILABLE", problem
        assert "CERTIFICATE_VERIFY_FAILED" in problem["detail"] and not dataplane.cluster.objects("Job")
        assert not dataplane.cluster.server.requests, "no token was sent"

    def test_a_name_is_trusted_by_a_public_authority(
        self, site: Site, dataplane: GkeCluster, clusters: Clusters, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clusters.lead_to(dataplane, "dns")
        with dataplane.ca.cert_pem.tempfile() as public:
            monkeypatch.setenv("SSL_CERT_FILE", public)
            assert site.ask(request("POST", "/v1/builds", order()))[0] == 202
        assert len(dataplane.cluster.objects("Job")) == 1

    def test_fifty_equal_requests_at_once_are_one_job(self, site: Site, dataplane: GkeCluster) -> None:
        with ThreadPoolExecutor(10) as pool:
            answers = list(pool.map(lambda _: site.ask(request("POST", "/v1/builds", order())), range(50)))
        assert {status for status, _ in answers} == {202} and len({each["id"] for _, each in answers}) == 1
        assert sum(not each["joined"] for _, each in answers) == 1 == len(dataplane.cluster.objects("Job"))

    def test_a_token_that_the_cluster_does_not_know_is_not_let_in(self, site: Site, dataplane: GkeCluster) -> None:
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
