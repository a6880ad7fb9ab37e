"""Tokens in the form of `aws eks get-token`, and a cluster's address."""

import base64
import json
import os
import shutil
import subprocess
from urllib.parse import parse_qs, urlsplit

import pytest

from boatyard.errors import BoatyardError
from boatyard_aws.clients import Clients
from boatyard_aws.cluster import eks_token, find_cluster
from tests.aws.cloud import Cloud

ROLE = "arn:aws:iam::123456789012:role/eks"


def read(token: str) -> tuple[str, dict[str, list[str]]]:
    prefix, _, coded = token.partition(".")
    assert prefix == "k8s-aws-v1" and "=" not in coded
    url = base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode()
    return url, parse_qs(urlsplit(url).query)


def test_it_is_a_presigned_get_caller_identity_that_names_the_cluster(clients: Clients) -> None:
    _, query = read(eks_token(clients, "dataplane")())
    assert query["Action"] == ["GetCallerIdentity"] and query["Version"] == ["2011-06-15"]
    assert query["X-Amz-Expires"] == ["60"] and query["X-Amz-SignedHeaders"] == ["host;x-k8s-aws-id"]


def test_the_region_of_the_cluster_is_signed_for(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    url, query = read(eks_token(Clients(), "dataplane", region="us-west-2")())
    assert urlsplit(url).hostname == "sts.us-west-2.amazonaws.com"
    assert "/us-west-2/sts/aws4_request" in query["X-Amz-Credential"][0]


@pytest.mark.skipif(not shutil.which("aws"), reason="needs the AWS command line to compare with")
def test_it_has_the_form_that_the_aws_command_line_gives(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    shown = subprocess.run(
        ["aws", "eks", "get-token", "--cluster-name", "dataplane", "--region", "eu-west-1", "--output", "json"],
        env=dict(os.environ),
        capture_output=True,
        check=False,
    )
    if shown.returncode:
        pytest.skip("the AWS command line does not run here")
    theirs_url, theirs = read(json.loads(shown.stdout)["status"]["token"])
    ours_url, ours = read(eks_token(Clients(), "dataplane", region="eu-west-1")())
    changing = {"X-Amz-Date", "X-Amz-Signature"}
    assert {n: v for n, v in ours.items() if n not in changing} == {
        n: v for n, v in theirs.items() if n not in changing
    }
    assert ours_url.partition("?")[0] == theirs_url.partition("?")[0]


def test_without_credentials_it_is_said_so(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    with pytest.raises(BoatyardError) as refused:
        eks_token(Clients(), "dataplane")()
    assert refused.value.code == "DATAPLANE_DENIED"


def test_the_address_and_the_ca_come_from_describe_cluster(clients: Clients) -> None:
    clients.eks().create_cluster(name="dataplane", roleArn=ROLE, resourcesVpcConfig={"subnetIds": ["subnet-1"]})
    address = find_cluster(clients, "dataplane")
    assert address.endpoint.startswith("https://") and base64.b64decode(address.ca_data)


def test_a_cluster_that_is_not_there_or_may_not_be_seen(clients: Clients, cloud: Cloud) -> None:
    with pytest.raises(BoatyardError) as refused:
        find_cluster(clients, "none")
    assert refused.value.code == "DATAPLANE_DENIED" and "no EKS cluster none" in refused.value.detail
    cloud.fail("GET /clusters/", "AccessDeniedException", status=403)
    with pytest.raises(BoatyardError) as refused:
        find_cluster(clients, "none")
    assert refused.value.code == "DATAPLANE_DENIED"
