"""Events in AWS's documented form are parsed to Boatyard's event types."""

import json
from typing import Any

import pytest

from boatyard.errors import BoatyardError
from boatyard.reference import Reference
from boatyard_aws.bucket import S3Bucket
from boatyard_aws.clients import Clients
from boatyard_aws.events import parse
from boatyard_aws.wiring import Parts
from boatyard_serverless.events.model import ImagePushed, Irrelevant, Scheduled, SpecDropped
from tests.aws.cloud import Cloud
from tests.aws.codebuild import CodeBuild
from tests.aws.images import HOST, Ecr
from tests.aws.payloads import function_url, image_pushed, object_created, scheduled, sqs
from tests.aws.site import ask, order, tell, variables

BUCKET = "boatyard-test"
DIGEST = "sha256:" + "0" * 64


def test_each_event_is_taken_for_what_it_is() -> None:
    dropped = object_created(BUCKET, "specs/ml/dev/a.json")
    assert parse(dropped, bucket=BUCKET) == SpecDropped("specs/ml/dev/a.json")
    pushed = image_pushed("base", "1", DIGEST)
    assert parse(pushed, bucket=BUCKET) == ImagePushed(Reference.parse(f"{HOST}/base:1"))
    assert parse(scheduled(), bucket=BUCKET) == Scheduled()
    assert parse({**scheduled(), "source": "aws.scheduler"}, bucket=BUCKET) == Scheduled()


def test_what_comes_along_with_them_is_left_alone() -> None:
    assert isinstance(parse(object_created("another-bucket", "specs/a/b/c.json"), bucket=BUCKET), Irrelevant)
    for name, value in (("result", "FAILURE"), ("action-type", "DELETE"), ("image-tag", "")):
        event = image_pushed("base", "1", DIGEST)
        event["detail"][name] = value
        assert isinstance(parse(event, bucket=BUCKET), Irrelevant)


def test_china_has_hosts_of_its_own() -> None:
    pushed = parse({**image_pushed("base", "1", DIGEST), "region": "cn-north-1"}, bucket=BUCKET)
    assert isinstance(pushed, ImagePushed) and pushed.reference.repository.host.endswith(".amazonaws.com.cn")


@pytest.mark.parametrize(
    "event",
    [None, [], "x", {}, {"Records": []}, {"Records": [{}]}, {"source": "aws.x", "detail-type": "y", "detail": {}}],
)
def test_an_event_that_nobody_knows_is_refused(event: Any) -> None:
    with pytest.raises(BoatyardError) as refused:
        parse(event, bucket=BUCKET)
    assert refused.value.code == "INVALID_SPEC"


@pytest.mark.parametrize("event", [object_created("b", "k"), image_pushed("base", "1", "x")])
@pytest.mark.parametrize("junk", [None, 5, [], {}, {"bucket": 5, "object": []}])
def test_an_event_without_its_details_is_refused_or_left_alone(event: dict[str, Any], junk: Any) -> None:
    try:
        assert isinstance(parse({**event, "detail": junk}, bucket=BUCKET), Irrelevant)
    except BoatyardError as error:
        assert error.code == "INVALID_SPEC"


class TestInLambda:
    """The whole function, with events in SQS's and S3's format."""

    @pytest.fixture
    def codebuild(self, cloud: Cloud) -> CodeBuild:
        return CodeBuild(cloud)

    @pytest.fixture
    def site(self, cloud: Cloud, bucket: str, ecr: Ecr, codebuild: CodeBuild, clients: Clients) -> Parts:
        ecr.repository("images")
        ecr.repository("base")
        ecr.push("base", "1", "linux/amd64")
        sqs_ = clients.sqs()
        queue, dead = (sqs_.create_queue(QueueName=name)["QueueUrl"] for name in ("events", "dead"))
        named = {"BOATYARD_QUEUE": queue, "BOATYARD_DEAD_LETTERS": dead, "BOATYARD_PIN_BASES": "true"}
        return Parts(variables(bucket, **named))

    def test_only_the_message_that_a_repeat_can_help_is_delivered_again(
        self, site: Parts, codebuild: CodeBuild
    ) -> None:
        codebuild.limit = 1
        other = order(spec={"baseImage": "x/y:1", "pythonVersion": "3.12"})
        event = sqs(json.dumps(order()), json.dumps(other), "no json", '{"spec": 5}')
        failed = [record["messageId"] for record in event["Records"]][1]
        assert tell(site, event) == {"batchItemFailures": [{"itemIdentifier": failed}]}
        assert len(codebuild.builds) == 1

    def test_a_fifo_queue_keeps_its_order(self, site: Parts, cloud: Cloud, codebuild: CodeBuild) -> None:
        cloud.fail("DescribeImages", "ThrottlingException")
        event = sqs(json.dumps(order()), json.dumps(order()), queue="orders.fifo")
        failed = {each["itemIdentifier"] for each in tell(site, event)["batchItemFailures"]}
        assert failed == {record["messageId"] for record in event["Records"]}

    def test_a_dropped_spec_comes_through_the_queue_or_at_once(
        self, site: Parts, codebuild: CodeBuild, clients: Clients
    ) -> None:
        key = "specs/ml/dev/app.json"
        S3Bucket(clients, BUCKET).put(key, json.dumps({"spec": order()["spec"]}).encode())
        event = object_created(BUCKET, key)
        assert len(tell(site, event)["builds"]) == 1
        assert tell(site, sqs(json.dumps(event))) == {"batchItemFailures": []}
        assert len(codebuild.builds) == 1

    def test_a_pushed_base_s_dependents_are_rebuilt_through_the_queue(
        self, site: Parts, ecr: Ecr, codebuild: CodeBuild, clients: Clients
    ) -> None:
        assert ask(site, function_url("POST", "/v1/builds", order()))[0] == 202
        digest = ecr.push("base", "1", "linux/amd64", key="f" * 64)
        assert tell(site, image_pushed("base", "1", digest))["queued"] == 1
        url = site.configuration.queue
        (message,) = clients.sqs().receive_message(QueueUrl=url)["Messages"]
        assert tell(site, sqs(message["Body"])) == {"batchItemFailures": []}
        assert len(codebuild.builds) == 2
        assert ask(site, function_url("POST", "/v1/plans", order()))[1]["baseImage"].endswith(digest)

    def test_what_a_repeat_can_help_is_raised(self, site: Parts, cloud: Cloud, clients: Clients) -> None:
        S3Bucket(clients, BUCKET).put("specs/ml/dev/app.json", json.dumps(order()).encode())
        cloud.fail("DescribeImages", "ThrottlingException")
        with pytest.raises(BoatyardError) as raised:
            tell(site, object_created(BUCKET, "specs/ml/dev/app.json"))
        assert raised.value.meaning.retryable

    def test_what_it_cannot_is_refused_once_with_its_reason(
        self, site: Parts, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert tell(site, {"source": "aws.x", "detail-type": "y", "detail": {}})["code"] == "INVALID_SPEC"
        assert "INVALID_SPEC" in capsys.readouterr().out
