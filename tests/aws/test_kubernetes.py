"""The function finds its cluster by DescribeCluster, and authenticates with a token that the cluster verifies."""

import base64
import hashlib
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import certifi
import pytest
from lightkube.resources.batch_v1 import Job

from boatyard_aws.wiring import Parts
from boatyard_kubernetes.access import function_access
from tests.aws.cloud import Cloud, signature
from tests.aws.images import Ecr
from tests.aws.payloads import function_url
from tests.aws.site import ask, order, variables
from tests.kubernetes.loopback.cluster import ADMIN_TOKEN
from tests.kubernetes.loopback.rbac import User, service_account
from tests.kubernetes.site import FUNCTION, HOME, settings
from tests.kubernetes.site import Site as Dataplane

CLUSTER = "dataplane"
EMPTY = hashlib.sha256(b"").hexdigest()


def authenticate(token: str) -> User | None:
    """Checks a token as EKS does: sends the signed request, which names the cluster in a signed header.

    https://github.com/kubernetes-sigs/aws-iam-authenticator, pkg/token/token.go, `Verify`
    """
    prefix, _, coded = token.partition(".")
    url = urlsplit(base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode())
    query = dict(parse_qsl(url.query))
    headers = {"host": url.netloc, "x-k8s-aws-id": CLUSTER}
    genuine = signature("GET", url.path, query, headers, EMPTY) == query["X-Amz-Signature"]
    if prefix != "k8s-aws-v1" or query["Action"] != "GetCallerIdentity" or not genuine:
        return None
    return service_account(HOME, FUNCTION)


@pytest.fixture
def dataplane(cloud: Cloud) -> Iterator[Dataplane]:
    made = Dataplane(settings())
    made.cluster.server.users = lambda token: made.cluster.users.get(token) or authenticate(token)
    made.cluster.namespace("ml-dev")
    subject = {"kind": "ServiceAccount", "name": FUNCTION, "namespace": HOME}
    access = [obj.to_dict() for obj in function_access(made.settings, subject, ["ml-dev"])]
    made.cluster.apply(*(obj for obj in access if obj["metadata"].get("namespace") == "ml-dev"))
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    pem = begin + certifi.contents().partition(begin)[2].partition(end)[0] + end + "\n"
    cluster = {
        "name": CLUSTER,
        "endpoint": made.cluster.server.url,
        "certificateAuthority": {"data": base64.b64encode(pem.encode()).decode()},
        "status": "ACTIVE",
    }
    cloud.actions[f"GET /clusters/{CLUSTER}"] = lambda asked: (200, {"cluster": cluster})
    yield made
    made.close()


@pytest.fixture
def site(cloud: Cloud, dataplane: Dataplane, bucket: str, ecr: Ecr) -> Parts:
    ecr.repository("images")
    chosen = {"BOATYARD_RUNNER": "kubernetes", "BOATYARD_CLUSTER": CLUSTER, "BOATYARD_BUILDKIT__ENABLED": "false"}
    chosen["BOATYARD_KUBERNETES__BUILDER_IMAGE"] = "registry.test/builder:1"
    return Parts(variables(bucket, **chosen))


def test_a_request_becomes_a_job_in_the_cluster_and_equal_ones_join_it(
    site: Parts, dataplane: Dataplane, cloud: Cloud
) -> None:
    status, answer = ask(site, function_url("POST", "/v1/builds", order()))
    assert status == 202, answer
    jobs = dataplane.cluster.objects("Job")
    assert [job["metadata"]["namespace"] for job in jobs] == ["ml-dev"] and answer["id"] in jobs[0]["metadata"]["name"]
    status, joined = ask(site, function_url("POST", "/v1/builds", order()))
    assert status == 202 and joined["joined"] and joined["id"] == answer["id"]
    assert len(dataplane.cluster.objects("Job")) == 1
    assert len(cloud.asked(f"GET /clusters/{CLUSTER}")) == 1, "where the cluster is, is asked once"


def test_a_job_that_somebody_deleted_is_built_again_when_it_is_asked_for(site: Parts, dataplane: Dataplane) -> None:
    _, answer = ask(site, function_url("POST", "/v1/builds", order()))
    name = dataplane.cluster.objects("Job")[0]["metadata"]["name"]
    dataplane.connect(ADMIN_TOKEN).delete(Job, name, "ml-dev")
    status, problem = ask(Parts(site.variables), function_url("GET", f"/v1/builds/{answer['id']}"))
    assert status == 404 and problem["code"] == "NOT_FOUND"
    status, again = ask(site, function_url("POST", "/v1/builds", order()))
    assert status == 202 and not again["joined"] and len(dataplane.cluster.objects("Job")) == 1


def test_a_secret_is_the_namespaces_own(site: Parts, dataplane: Dataplane) -> None:
    body = {"kind": "build", "value": "hunter2", "project": "ml", "domain": "dev"}
    assert ask(site, function_url("PUT", "/v1/secrets/TOKEN", body))[0] == 204
    assert [s["metadata"]["namespace"] for s in dataplane.cluster.objects("Secret")] == ["ml-dev"]


def test_a_token_for_another_cluster_is_not_let_in(site: Parts, dataplane: Dataplane) -> None:
    dataplane.cluster.server.users = lambda token: None
    status, problem = ask(site, function_url("POST", "/v1/builds", order()))
    assert status == 502 and problem["code"] == "DATAPLANE_DENIED" and not dataplane.cluster.objects("Job")


def test_a_cluster_that_is_away_is_a_retry(site: Parts, cloud: Cloud) -> None:
    _, described = cloud.actions[f"GET /clusters/{CLUSTER}"]({})
    described["cluster"]["endpoint"] = "http://127.0.0.1:9"
    status, problem = ask(site, function_url("POST", "/v1/builds", order()))
    assert status == 503 and problem["code"] == "DATAPLANE_UNAVAILABLE" and problem["retryable"]


def test_a_cluster_that_is_still_being_made_is_a_retry(site: Parts, cloud: Cloud) -> None:
    cloud.actions[f"GET /clusters/{CLUSTER}"] = lambda asked: (200, {"cluster": {"status": "CREATING"}})
    status, problem = ask(site, function_url("POST", "/v1/builds", order()))
    assert status == 503 and "CREATING" in problem["detail"]
