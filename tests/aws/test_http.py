"""The API behind a function URL: documented events, and answers that the URL can return."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from boatyard_aws import handler, http
from boatyard_aws.bucket import S3Bucket
from boatyard_aws.clients import Clients
from boatyard_aws.wiring import Parts
from tests.aws.cloud import Cloud
from tests.aws.codebuild import CodeBuild
from tests.aws.images import Ecr
from tests.aws.payloads import ARN, function_url
from tests.aws.site import Context, ask, order, variables

MB = 1024 * 1024


@pytest.fixture
def make(cloud: Cloud, bucket: str) -> Callable[..., Parts]:
    return lambda **more: Parts(variables(bucket, **more))


@pytest.fixture
def objects(clients: Clients, bucket: str) -> S3Bucket:
    return S3Bucket(clients, bucket)


@pytest.fixture
def site(make: Callable[..., Parts], ecr: Ecr) -> Parts:
    ecr.repository("images")
    return make()


def test_an_image_that_ecr_has_is_answered_from_there(site: Parts, ecr: Ecr, cloud: Cloud) -> None:
    status, plan = ask(site, function_url("POST", "/v1/plans", order()))
    assert status == 200
    digest = ecr.push("images", plan["target"].rpartition(":")[2], "linux/amd64", key=plan["key"])
    # The labels are read once for each digest; then nothing else is asked, and no bucket is ever read.
    for calls in (["DescribeImages", "BatchGetImage", "GetDownloadUrlForLayer"], ["DescribeImages"]):
        cloud.calls.clear()
        status, answer = ask(site, function_url("POST", "/v1/builds", order()))
        assert status == 200 and answer["cached"] and answer["image"].endswith(f"/images@{digest}")
        assert [name for name, _ in cloud.calls] == calls


@pytest.mark.parametrize("key", ["", "f" * 64])
def test_an_image_under_our_tag_that_is_not_ours_is_not_the_answer(
    make: Callable[..., Parts], ecr: Ecr, cloud: Cloud, key: str
) -> None:
    codebuild = CodeBuild(cloud)
    ecr.repository("images")
    site = make()
    plan = ask(site, function_url("POST", "/v1/plans", order()))[1]
    ecr.push("images", plan["target"].rpartition(":")[2], "linux/amd64", key=key)
    status, answer = ask(site, function_url("POST", "/v1/builds", order()))
    assert status == 202 and not answer["cached"] and len(codebuild.builds) == 1


def test_an_image_under_our_tag_that_is_not_ours_and_cannot_be_replaced_is_told(
    make: Callable[..., Parts], ecr: Ecr, cloud: Cloud
) -> None:
    codebuild = CodeBuild(cloud)
    ecr.repository("images", immutable=True)
    site = make()
    plan = ask(site, function_url("POST", "/v1/plans", order()))[1]
    ecr.push("images", plan["target"].rpartition(":")[2], "linux/amd64")
    status, problem = ask(site, function_url("POST", "/v1/builds", order()))
    assert status == 409 and problem["code"] == "TAG_IMMUTABLE" and "io.boatyard.key" in problem["detail"]
    assert not codebuild.builds


def test_an_image_that_it_has_not_is_built_once(site: Parts, cloud: Cloud) -> None:
    codebuild = CodeBuild(cloud)
    status, answer = ask(site, function_url("POST", "/v1/builds", order()))
    assert status == 202 and answer["state"] == "QUEUED" and not answer["joined"]
    again, joined = ask(site, function_url("POST", "/v1/builds", order()))
    assert again == 202 and joined["joined"] and joined["id"] == answer["id"]
    assert len(codebuild.builds) == 1
    status, build = ask(site, function_url("GET", f"/v1/builds/{answer['id']}"))
    assert status == 200 and build["project"] == "ml"


def test_a_start_asks_nothing_twice_and_a_join_costs_five_calls(site: Parts, cloud: Cloud) -> None:
    CodeBuild(cloud)
    ask(site, function_url("POST", "/v1/plans", order()))  # what a function asks once, when it is cold
    for joined in (False, True, True):
        cloud.calls.clear()
        status, answer = ask(site, function_url("POST", "/v1/builds", order()))
        assert status == 202 and answer["joined"] is joined
        # A record is written when it is made, and again when the service has taken it.
        questions = [call for call in cloud.calls if not call[0].startswith("PUT ")]
        assert all(questions.count(call) == 1 for call in questions), questions
        assert len(cloud.calls) <= (5 if joined else 9), cloud.calls


def test_a_forced_build_that_could_not_be_pushed_is_not_started(
    make: Callable[..., Parts], ecr: Ecr, cloud: Cloud
) -> None:
    codebuild = CodeBuild(cloud)
    ecr.repository("images", immutable=True)
    site = make()
    forced = function_url("POST", "/v1/builds", order(force=True))
    assert ask(site, forced)[0] == 202, "there is nothing that it could not take the place of"
    target = ask(site, function_url("POST", "/v1/plans", order()))[1]["target"]
    ecr.push("images", target.rpartition(":")[2], "linux/amd64")
    status, problem = ask(site, forced)
    assert status == 409 and problem["code"] == "TAG_IMMUTABLE" and target in problem["detail"]
    assert len(codebuild.builds) == 1
    cloud.fail("DescribeRepositories", "AccessDeniedException")
    assert ask(site, forced)[0] == 202, "a function that may not ask leaves it to the push"


def test_a_context_is_announced_and_its_url_is_s3s(site: Parts) -> None:
    asked = {"sha256": "a" * 64, "size": 10}
    status, answer = ask(site, function_url("POST", "/v1/contexts", asked))
    assert status == 201 and "X-Amz-Signature" in answer["uploadUrl"]


def test_clients_are_kept_between_invocations(site: Parts) -> None:
    ask(site, function_url("POST", "/v1/builds", order()))
    before = site.clients.ecr("eu-west-1"), site.deployment.service, site.deployment.api
    ask(site, function_url("POST", "/v1/builds", order()))
    assert (site.clients.ecr("eu-west-1"), site.deployment.service, site.deployment.api) == before


@pytest.mark.parametrize("encoded", [False, True])
def test_a_body_comes_as_text_or_as_base64(site: Parts, encoded: bool) -> None:
    status, plan = ask(site, function_url("POST", "/v1/plans", order(), encoded=encoded))
    assert status == 200 and plan["key"]


def test_the_path_is_decoded_once_and_the_query_is_read(site: Parts) -> None:
    status, problem = ask(site, function_url("GET", "/v1/images/ghcr.io%2Facme%2Fx%3A1%2525"))
    assert status == 400 and "%25" in problem["detail"]
    status, problem = ask(site, function_url("GET", "/v1/builds", query="pageSize=0&state=RUNNING"))
    assert status == 400 and problem["field"] == "pageSize"


@pytest.mark.parametrize(
    ("event", "status", "code"),
    [
        (None, 400, "INVALID_SPEC"),
        ([], 400, "INVALID_SPEC"),
        ("text", 400, "INVALID_SPEC"),
        ({}, 400, "INVALID_SPEC"),
        ({"requestContext": None, "rawPath": "/"}, 400, "INVALID_SPEC"),
        ({"requestContext": {"http": {"method": 1}}, "rawPath": "/"}, 400, "INVALID_SPEC"),
        ({**function_url("POST", "/v1/plans"), "body": 5}, 400, "INVALID_SPEC"),
        ({**function_url("POST", "/v1/plans"), "body": "%%%", "isBase64Encoded": True}, 400, "INVALID_SPEC"),
        ({**function_url("POST", "/v1/plans"), "body": "{"}, 400, "INVALID_SPEC"),
        ({**function_url("POST", "/v1/plans"), "body": "\udcff"}, 400, "INVALID_SPEC"),
        ({**function_url("POST", "/v1/plans", {}), "headers": {}}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({**function_url("POST", "/v1/plans", {}), "headers": None}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        (function_url("POST", "/v1/plans", "x" * (5 * MB)), 413, "CONTEXT_TOO_LARGE"),
        (function_url("POST", "/v1/plans", "x" * (5 * MB), encoded=True), 413, "CONTEXT_TOO_LARGE"),
        (function_url("DELETE", "/v1/builds"), 405, "METHOD_NOT_ALLOWED"),
        (function_url("TRACE", "/v1/builds"), 405, "METHOD_NOT_ALLOWED"),
        (function_url("GET", "/nothing"), 404, "NOT_FOUND"),
        (function_url("GET", ""), 404, "NOT_FOUND"),
    ],
)
def test_what_cannot_be_served_has_a_clear_answer(site: Parts, event: Any, status: int, code: str) -> None:
    answered, problem = ask(site, event)
    assert (answered, problem["code"]) == (status, code)


def test_an_event_without_a_caller_is_refused_unless_that_is_allowed(make: Callable[..., Parts]) -> None:
    event = function_url("GET", "/healthz")
    event["requestContext"]["authorizer"] = None
    assert ask(make(), event)[0] == 401
    assert ask(make(BOATYARD_ANONYMOUS="true"), event)[0] == 200


def test_the_callers_arn_is_held_against_the_policy(make: Callable[..., Parts], ecr: Ecr, cloud: Cloud) -> None:
    CodeBuild(cloud)
    ecr.repository("images")
    callers = [{"match": "arn:aws:sts::123456789012:assumed-role/ml-*", "projects": ["ml/*"]}]
    site = make(BOATYARD_SETTINGS=json.dumps({"access": {"callers": callers}}))
    assert ask(site, function_url("POST", "/v1/builds", order(), arn=ARN))[0] == 202
    assert ask(site, function_url("POST", "/v1/builds", order(project="web"), arn=ARN))[0] == 403
    other = "arn:aws:iam::123456789012:user/eve"
    status, problem = ask(site, function_url("POST", "/v1/builds", order(), arn=other))
    assert status == 403 and problem["code"] == "FORBIDDEN" and other in problem["detail"]


def test_an_answer_that_lambda_cannot_carry_is_refused(site: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "LARGEST_ANSWER", 100)
    status, problem = ask(site, function_url("GET", "/openapi.json"))
    assert status == 422 and "smaller page" in problem["detail"]


def test_bytes_go_out_as_base64(site: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    from boatyard.api import Response

    answer = Response(status=200, body=b"\x00\xff", headers={"content-type": "application/proto"})
    monkeypatch.setattr(site.deployment.api, "handle", lambda request: answer)
    told = site.http_app.handle(function_url("GET", "/"), Context())
    assert told["isBase64Encoded"] and base64.b64decode(told["body"]) == b"\x00\xff"


def test_a_registry_that_cannot_be_asked_is_502_and_nothing_is_built(site: Parts, cloud: Cloud) -> None:
    codebuild = CodeBuild(cloud)
    cloud.fail("DescribeImages", "ThrottlingException")
    status, problem = ask(site, function_url("POST", "/v1/builds", order()))
    assert status == 502 and problem["code"] == "REGISTRY_UNAVAILABLE" and problem["retryable"]
    assert not codebuild.builds


def test_a_caller_learns_little_of_a_misconfigured_function(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    handler._parts.cache_clear()
    handler._http.cache_clear()
    monkeypatch.setenv("BOATYARD_RUNNER", "codebuild")
    monkeypatch.setenv("BOATYARD_BUCKET", "b")
    monkeypatch.setenv("BOATYARD_DEPLOYMENT_KEY", "k")
    told = handler.http(function_url("GET", "/healthz"), Context())
    assert told["statusCode"] == 500 and "PROJECT" not in told["body"]
    assert "BOATYARD_CODEBUILD_PROJECT is needed" in capsys.readouterr().out
    handler._parts.cache_clear()


def test_logs_and_metrics_are_json_lines_without_bodies(site: Parts, capsys: pytest.CaptureFixture[str]) -> None:
    ask(site, function_url("POST", "/v1/plans", order(project="very-private")))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    (logged,) = [line for line in lines if line.get("message") == "answered"]
    assert logged["path"] == "/v1/plans" and logged["caller"] == ARN and logged["status"] == 200
    assert "very-private" not in json.dumps(lines)
    (metrics,) = [line for line in lines if "_aws" in line]
    assert metrics["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Boatyard" and metrics["Answers2xx"] == [1.0]


def test_whatever_an_event_is_made_of_it_is_answered(site: Parts) -> None:
    """Only callers that may invoke the function directly can send these: a URL fills in every part."""
    junk: tuple[Any, ...] = (None, False, 5, "x", [], [["a"]], {}, {"a": [None]})
    event = function_url("POST", "/v1/plans", order(), query="a=b")
    places = [event, event["requestContext"], event["requestContext"]["http"], event["requestContext"]["authorizer"]]
    for number, place in enumerate([*places, event["headers"]]):
        for name in list(place):
            for value in junk:
                changed = json.loads(json.dumps(event))
                inner = changed["requestContext"]
                spots = [changed, inner, inner["http"], inner["authorizer"], changed["headers"]]
                spots[number][name] = value
                assert ask(site, changed)[0] in (200, 400, 401, 404, 405, 415), (name, value)
                del spots[number][name]
                assert ask(site, changed)[0] in (200, 400, 401, 404, 405, 415), name


def test_an_unforeseen_error_is_an_answer_too(make: Callable[..., Parts], objects: S3Bucket) -> None:
    objects.put("bases/pins.json", b"[]")
    status, problem = ask(make(BOATYARD_PIN_BASES="true"), function_url("POST", "/v1/plans", order()))
    assert (status, problem["code"]) == (500, "INTERNAL") and "bases/pins.json" in problem["detail"]
    broken = make()
    broken.http_app._api = lambda: [][0]
    status, problem = ask(broken, function_url("GET", "/healthz"))
    assert (status, problem["code"]) == (500, "INTERNAL") and "log has more" in problem["detail"]


def test_the_stock_builder_is_refused_in_its_own_words(site: Parts) -> None:
    """Its client reads Connect's codes, also for errors before the request reaches the API."""
    path = "/flyteidl2.imagebuilder.ImageService/GetImage"
    event = function_url("POST", path, {"id": {"name": "x:1"}})
    nobody = {**event, "requestContext": {**event["requestContext"], "authorizer": {}}}
    status, error = ask(site, nobody)
    assert (status, error["code"]) == (401, "unauthenticated")
    status, error = ask(site, {**event, "body": "x" * (5 * MB)})
    assert (status, error["code"]) == (400, "failed_precondition")
    status, error = ask(site, {**event, "body": "no base64", "isBase64Encoded": True})
    assert (status, error["code"]) == (400, "invalid_argument")
