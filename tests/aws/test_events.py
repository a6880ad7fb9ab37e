"""Events as AWS documents them: each starts what it should, however often and in whatever order it comes."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from boatyard.errors import BoatyardError
from boatyard_aws.clients import Clients
from boatyard_aws.bucket import S3Bucket
from boatyard_aws.wiring import Parts
from tests.aws.cloud import Cloud
from tests.aws.codebuild import CodeBuild
from tests.aws.images import HOST, Ecr
from tests.aws.payloads import function_url, image_pushed, object_created, scheduled, sqs
from tests.aws.site import ask, order, tell, variables

BASE = f"{HOST}/base:1"


@pytest.fixture
def codebuild(cloud: Cloud) -> CodeBuild:
    return CodeBuild(cloud)


@pytest.fixture
def make(cloud: Cloud, bucket: str, ecr: Ecr, codebuild: CodeBuild) -> Callable[..., Parts]:
    ecr.repository("images")
    ecr.repository("base")
    return lambda **more: Parts(variables(bucket, **more))


@pytest.fixture
def site(make: Callable[..., Parts]) -> Parts:
    return make()


@pytest.fixture
def objects(clients: Clients, bucket: str) -> S3Bucket:
    return S3Bucket(clients, bucket)


def message(**more: Any) -> str:
    return json.dumps(order(**more))


class TestQueue:
    def test_a_message_is_an_order(self, site: Parts, codebuild: CodeBuild) -> None:
        assert tell(site, sqs(message())) == {"batchItemFailures": []}
        assert len(codebuild.builds) == 1

    def test_ten_deliveries_of_one_order_are_one_build(self, site: Parts, codebuild: CodeBuild) -> None:
        assert tell(site, sqs(*[message()] * 10)) == {"batchItemFailures": []}
        tell(site, sqs(message()))
        assert len(codebuild.builds) == 1

    def test_only_the_message_that_a_repeat_can_help_is_delivered_again(
        self, make: Callable[..., Parts], cloud: Cloud, codebuild: CodeBuild
    ) -> None:
        site = make()
        codebuild.limit = 1
        event = sqs(message(), message(spec={"baseImage": "x/y:1", "pythonVersion": "3.12"}))
        answer = tell(site, event)
        assert answer == {"batchItemFailures": [{"itemIdentifier": event["Records"][1]["messageId"]}]}

    def test_a_poison_message_goes_to_the_dead_letters_with_its_reason(
        self, make: Callable[..., Parts], clients: Clients, codebuild: CodeBuild
    ) -> None:
        url = clients.sqs().create_queue(QueueName="dead")["QueueUrl"]
        site = make(BOATYARD_DEAD_LETTERS=url)
        bodies = ["not json", "{}", json.dumps({"spec": {"baseImage": "A B"}}), "[]", "5", message(unknown=1)]
        assert tell(site, sqs(*bodies, message())) == {"batchItemFailures": []}
        assert len(codebuild.builds) == 1, "the good one is not held up"
        kept = []
        while (
            found := clients.sqs()
            .receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
            .get("Messages")
        ):
            kept += found
        assert len(kept) == len(bodies)
        assert {each["MessageAttributes"]["boatyard-code"]["StringValue"] for each in kept} == {"INVALID_SPEC"}
        assert all(each["MessageAttributes"]["boatyard-detail"]["StringValue"] for each in kept)

    def test_without_dead_letters_the_queues_own_redrive_has_it(self, site: Parts) -> None:
        event = sqs("not json")
        assert tell(site, event)["batchItemFailures"] == [{"itemIdentifier": event["Records"][0]["messageId"]}]

    def test_dead_letters_that_do_not_take_it_lose_nothing(
        self, make: Callable[..., Parts], cloud: Cloud, clients: Clients
    ) -> None:
        url = clients.sqs().create_queue(QueueName="dead")["QueueUrl"]
        cloud.fail("SendMessage", "AccessDeniedException")
        assert len(tell(make(BOATYARD_DEAD_LETTERS=url), sqs("not json"))["batchItemFailures"]) == 1

    def test_a_fifo_queue_keeps_its_order(self, site: Parts, codebuild: CodeBuild) -> None:
        event = sqs("not json", message(), queue="orders.fifo")
        assert len(tell(site, event)["batchItemFailures"]) == 2 and not codebuild.builds

    def test_an_event_may_come_through_a_queue(self, site: Parts, objects: S3Bucket, codebuild: CodeBuild) -> None:
        objects.put("specs/ml/dev/app.json", message().encode())
        assert tell(site, sqs(json.dumps(object_created(objects.name, "specs/ml/dev/app.json")))) == {
            "batchItemFailures": []
        }
        assert len(codebuild.builds) == 1


class TestDroppedSpec:
    KEY = "specs/ml/dev/app.json"

    def test_it_builds_and_the_result_lies_beside(self, site: Parts, objects: S3Bucket, codebuild: CodeBuild) -> None:
        objects.put(self.KEY, json.dumps({"spec": order()["spec"]}).encode())
        told = tell(site, object_created(objects.name, self.KEY))
        result = objects.get("results/ml/dev/app.json")
        assert result and json.loads(result.body)["id"] == told["builds"][0]
        assert len(codebuild.builds) == 1

    def test_the_same_event_ten_times_is_one_build(self, site: Parts, objects: S3Bucket, codebuild: CodeBuild) -> None:
        objects.put(self.KEY, message().encode())
        for _ in range(10):
            tell(site, object_created(objects.name, self.KEY))
        assert len(codebuild.builds) == 1

    def test_a_late_event_builds_what_is_there_now(self, site: Parts, objects: S3Bucket) -> None:
        assert "deleted" in tell(site, object_created(objects.name, self.KEY))["ignored"]

    def test_a_spec_that_is_wrong_is_told_beside_it_and_not_again(self, site: Parts, objects: S3Bucket) -> None:
        for body in (b"{", b"[]", b'{"spec": {"baseImage": 5}}'):
            objects.put(self.KEY, body)
            assert tell(site, object_created(objects.name, self.KEY))["code"] == "INVALID_SPEC"
            result = objects.get("results/ml/dev/app.json")
            assert result and json.loads(result.body)["code"] == "INVALID_SPEC"

    def test_a_folder_is_a_scope_that_cannot_be_left(self, site: Parts, objects: S3Bucket, codebuild: CodeBuild) -> None:
        objects.put(self.KEY, message(project="other").encode())
        assert tell(site, object_created(objects.name, self.KEY))["code"] == "FORBIDDEN"
        assert not codebuild.builds

    @pytest.mark.parametrize(
        "key", ["contexts/x.tar.gz", "specs/a.json", "specs/ml/dev/x/y.json", "specs/ml/dev/a.yaml"]
    )
    def test_other_objects_are_left_alone(self, site: Parts, objects: S3Bucket, key: str) -> None:
        assert tell(site, object_created(objects.name, key))["ignored"]
        assert tell(site, object_created("another-bucket", self.KEY))["ignored"]

    def test_what_a_repeat_can_help_is_raised(self, site: Parts, objects: S3Bucket, cloud: Cloud) -> None:
        objects.put(self.KEY, message().encode())
        cloud.fail("DescribeImages", "ThrottlingException")
        with pytest.raises(BoatyardError) as raised:
            tell(site, object_created(objects.name, self.KEY))
        assert raised.value.meaning.retryable
        assert objects.get("results/ml/dev/app.json") is None


class TestBasePushed:
    @pytest.fixture
    def site(self, make: Callable[..., Parts], ecr: Ecr) -> Parts:
        ecr.push("base", "1", "linux/amd64")
        return make(BOATYARD_PIN_BASES="true")

    def built(self, site: Parts) -> str:
        status, answer = ask(site, function_url("POST", "/v1/builds", order()))
        assert status == 202
        return str(answer["key"])

    def test_what_was_built_on_it_is_built_on_its_new_digest(
        self, site: Parts, make: Callable[..., Parts], ecr: Ecr, codebuild: CodeBuild
    ) -> None:
        key = self.built(site)
        digest = ecr.push("base", "1", "linux/amd64", key="f" * 64)
        told = tell(site, image_pushed("base", "1", digest))
        assert len(told["builds"]) == 1 and len(codebuild.builds) == 2
        _, plan = ask(site, function_url("POST", "/v1/plans", order()))
        assert plan["baseImage"] == f"{BASE}@{digest}" and plan["key"] != key
        other = make(BOATYARD_PIN_BASES="true")
        assert ask(other, function_url("POST", "/v1/plans", order()))[1]["key"] == plan["key"]

    def test_ten_events_in_any_order_are_one_build(self, site: Parts, ecr: Ecr, codebuild: CodeBuild) -> None:
        self.built(site)
        old = ecr.push("base", "1", "linux/amd64", key="e" * 64)
        new = ecr.push("base", "1", "linux/amd64", key="f" * 64)
        for digest in (new, old, new, old, old):
            tell(site, image_pushed("base", "1", digest))
        assert len(codebuild.builds) == 2
        assert set(site.pins.all().values()) == {new}, "what the tag is now, not what a late event says"

    def test_a_push_of_anything_else_is_ignored(self, site: Parts, codebuild: CodeBuild) -> None:
        self.built(site)
        assert tell(site, image_pushed("images", "image-x", "sha256:" + "0" * 64))["ignored"]
        failed = image_pushed("base", "1", "sha256:" + "0" * 64)
        failed["detail"]["result"] = "FAILURE"
        assert tell(site, failed)["ignored"]
        deleted = image_pushed("base", "1", "sha256:" + "0" * 64)
        deleted["detail"]["action-type"] = "DELETE"
        assert tell(site, deleted)["ignored"]
        assert len(codebuild.builds) == 1

    def test_an_order_that_names_a_digest_stays_as_it_is(self, site: Parts, ecr: Ecr, codebuild: CodeBuild) -> None:
        spec = {"baseImage": f"{BASE}@sha256:{'0' * 64}", "pythonVersion": "3.12"}
        ask(site, function_url("POST", "/v1/builds", order(spec=spec)))
        digest = ecr.push("base", "1", "linux/amd64", key="f" * 64)
        assert tell(site, image_pushed("base", "1", digest))["ignored"]

    def test_a_build_is_not_refused_because_its_order_could_not_be_kept(self, site: Parts, cloud: Cloud) -> None:
        cloud.fail("PUT /boatyard-test/bases/", "AccessDenied", status=403)
        self.built(site)


class TestDrift:
    def test_the_report_says_which_bases_moved(
        self, make: Callable[..., Parts], ecr: Ecr, objects: S3Bucket, codebuild: CodeBuild
    ) -> None:
        site = make(BOATYARD_PIN_BASES="true")
        old = ecr.push("base", "1", "linux/amd64")
        ask(site, function_url("POST", "/v1/builds", order()))
        assert "problems" not in tell(site, scheduled())
        new = ecr.push("base", "1", "linux/amd64", key="f" * 64)
        told = tell(site, scheduled())
        assert list(told["problems"]) == [f"{BASE} has moved"]
        report = objects.get("drift/latest.json")
        assert report
        (base,) = json.loads(report.body)["bases"]
        assert (base["known"], base["current"], base["orders"], base["drifted"]) == (old, new, 1, True)
        assert len(list(objects.keys("drift/2"))) == 1

    def test_a_base_that_cannot_be_asked_is_in_the_report_and_stops_nothing(
        self, make: Callable[..., Parts], ecr: Ecr, cloud: Cloud, objects: S3Bucket, codebuild: CodeBuild
    ) -> None:
        site = make(BOATYARD_PIN_BASES="true")
        ask(site, function_url("POST", "/v1/builds", order()))
        cloud.fail("DescribeImages", "AccessDeniedException")
        tell(site, scheduled())
        report = objects.get("drift/latest.json")
        assert report and "REGISTRY_DENIED" in json.loads(report.body)["bases"][0]["problem"]


@pytest.mark.parametrize(
    "event",
    [None, [], "x", {}, {"Records": []}, {"Records": [{}]}, {"source": "aws.x", "detail-type": "y", "detail": {}}],
)
def test_an_event_that_nobody_knows_is_refused_once(site: Parts, event: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert tell(site, event)["code"] == "INVALID_SPEC"
    assert "INVALID_SPEC" in capsys.readouterr().out


@pytest.mark.parametrize("event", [object_created("b", "k"), image_pushed("base", "1", "x")])
def test_an_event_without_its_details_is_refused(site: Parts, event: dict[str, Any]) -> None:
    del event["detail"]
    assert tell(site, event)["code"] == "INVALID_SPEC"
