"""What was built on a base is built anew through the queue: all of it, once, whatever comes twice or not at all."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from boatyard.api.handlers import order_of
from boatyard.errors import BoatyardError
from boatyard_aws.clients import Clients
from boatyard_aws.events import dependents
from boatyard_aws.events.ordering import request_of
from boatyard_aws.bucket import S3Bucket
from boatyard_aws.wiring import Parts
from tests.aws.cloud import Cloud
from tests.aws.codebuild import CodeBuild
from tests.aws.images import HOST, Ecr
from tests.aws.payloads import function_url, image_pushed, sqs
from tests.aws.site import ask, order, tell, variables

BASE = f"{HOST}/base:1"


class Queue:
    """SQS and Lambda's event source mapping: what is not named as failed is deleted."""

    def __init__(self, clients: Clients) -> None:
        self._sqs = clients.sqs()
        self.url = self._sqs.create_queue(QueueName="events", Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
        self.dead = self._sqs.create_queue(QueueName="dead")["QueueUrl"]

    def deliver(self, site: Parts, *, copies: int = 1) -> bool:
        """One batch, `copies` times before it is deleted. False if there is none."""
        messages = self._receive(self.url)
        event = sqs(*[message["Body"] for message in messages])
        for record, message in zip(event["Records"], messages, strict=True):
            record["messageId"] = message["MessageId"]
        failed: set[str] = set()
        for _ in range(copies if messages else 0):
            failed = {each["itemIdentifier"] for each in tell(site, event)["batchItemFailures"]}
        for message in messages:
            if message["MessageId"] not in failed:
                self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return bool(messages)

    def drain(self, site: Parts, *, copies: int = 1, most: int = 400) -> None:
        for _ in range(most):
            if not self.deliver(site, copies=copies):
                return
        raise AssertionError("the queue does not become empty")

    def take(self) -> list[Any]:
        """The next bodies, which are gone then."""
        messages = self._receive(self.url)
        for message in messages:
            self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in messages]

    def put(self, event: Any) -> None:
        self._sqs.send_message(QueueUrl=self.url, MessageBody=json.dumps(event))

    def dead_letters(self) -> Iterator[tuple[str, str]]:
        """Code and detail."""
        while messages := self._receive(self.dead):
            for message in messages:
                attributes = message["MessageAttributes"]
                yield attributes["boatyard-code"]["StringValue"], attributes["boatyard-detail"]["StringValue"]
                self._sqs.delete_message(QueueUrl=self.dead, ReceiptHandle=message["ReceiptHandle"])

    def _receive(self, url: str) -> list[Any]:
        asked: Any = {"QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}
        return list(self._sqs.receive_message(**asked).get("Messages", []))


@pytest.fixture
def codebuild(cloud: Cloud) -> CodeBuild:
    return CodeBuild(cloud)


@pytest.fixture
def queue(clients: Clients, cloud: Cloud) -> Queue:
    return Queue(clients)


@pytest.fixture
def make(cloud: Cloud, bucket: str, ecr: Ecr, codebuild: CodeBuild, queue: Queue) -> Callable[[], Parts]:
    ecr.repository("images", immutable=True)
    ecr.repository("base")
    ecr.push("base", "1", "linux/amd64")
    named = {"BOATYARD_QUEUE": queue.url, "BOATYARD_DEAD_LETTERS": queue.dead}
    return lambda: Parts(variables(bucket, BOATYARD_PIN_BASES="true", **named))


@pytest.fixture
def site(make: Callable[[], Parts]) -> Parts:
    return make()


@pytest.fixture
def objects(clients: Clients, bucket: str) -> S3Bucket:
    return S3Bucket(clients, bucket)


def numbered(number: int) -> dict[str, Any]:
    layers = [{"pipPackages": {"packages": [f"six=={number}"]}}]
    return order(spec={"baseImage": BASE, "pythonVersion": "3.12", "layers": layers})


def remembered(site: Parts, count: int) -> None:
    """As if they had been built some time ago."""
    service = site.deployment.service
    for number in range(count):
        made = order_of(request_of(numbered(number)))
        site.orders.remember(made, service.plan(made))


def pushed(ecr: Ecr, key: str = "f") -> dict[str, Any]:
    return image_pushed("base", "1", ecr.push("base", "1", "linux/amd64", key=key * 64))


def targets(codebuild: CodeBuild, site: Parts) -> list[str]:
    pages = ask(site, function_url("GET", "/v1/builds", query="pageSize=500"))[1]
    assert len(pages["builds"]) == len(codebuild.builds)
    return sorted(build["target"] for build in pages["builds"])


def test_hundreds_become_a_message_each_a_page_at_a_time(
    site: Parts, ecr: Ecr, codebuild: CodeBuild, queue: Queue, objects: S3Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dependents, "PAGE_SIZE", 50)
    remembered(site, 230)
    event = pushed(ecr)
    assert tell(site, event)["queued"] == 50, "the push's own invocation does a page and leaves the rest to others"
    orders: list[str] = []
    pages: list[int] = []
    while messages := queue.take():
        for message in messages:
            detail = message["detail"]
            assert (detail["base"], detail["digest"]) == (BASE, event["detail"]["image-digest"])
            if message["detail-type"] == dependents.REBUILD:
                orders.append(detail["order"])
            else:
                assert tell(site, sqs(json.dumps(message))) == {"batchItemFailures": []}
                pages.append(len(orders))
    assert len(pages) == 4 and not codebuild.builds
    there = [key.removeprefix("bases/built/").removesuffix(".json") for key in objects.keys("bases/built/")]
    assert len(orders) == 230 and sorted(orders) == there


def test_each_is_rebuilt_once_though_all_comes_twice(
    site: Parts, ecr: Ecr, codebuild: CodeBuild, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dependents, "PAGE_SIZE", 3)
    remembered(site, 7)
    event = pushed(ecr)
    tell(site, event)
    tell(site, event)
    queue.drain(site, copies=2)
    made = targets(codebuild, site)
    assert len(made) == len(set(made)) == 7
    assert site.pins.all() == {BASE: event["detail"]["image-digest"]}


def test_an_instance_with_older_pins_builds_on_the_new_base(
    site: Parts, make: Callable[[], Parts], ecr: Ecr, codebuild: CodeBuild, queue: Queue
) -> None:
    """Its minute is not over, and under its pins the image is there: nothing would be built."""
    remembered(site, 1)
    other = make()
    tell(site, pushed(ecr, "e"))
    _, old = ask(other, function_url("POST", "/v1/plans", numbered(0)))
    ecr.push("images", old["target"].rpartition(":")[2], "linux/amd64", key=old["key"])
    queue.drain(other)
    assert not codebuild.builds
    event = pushed(ecr, "f")
    tell(site, event)
    queue.drain(other)
    (target,) = targets(codebuild, site)
    assert target != old["target"], "its tag is another one: immutable tags are no obstacle"
    assert ask(other, function_url("POST", "/v1/plans", numbered(0)))[1]["baseImage"].endswith(
        event["detail"]["image-digest"]
    )


def test_a_crash_while_messages_are_put_there_loses_none(
    site: Parts, ecr: Ecr, codebuild: CodeBuild, queue: Queue, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dependents, "PAGE_SIZE", 12)
    remembered(site, 22)
    queue.put(pushed(ecr))
    cloud.fail("SendMessageBatch", "InternalError", after=1, times=1)  # within the first page
    cloud.fail("SendMessageBatch", "InternalError", after=2, times=1)  # and before its last message
    queue.drain(site)
    assert not [fault for fault in cloud.faults if fault.times]
    assert len(targets(codebuild, site)) == 22
    assert not list(queue.dead_letters())


def test_a_queue_that_takes_a_part_of_a_batch_is_asked_again(
    site: Parts, ecr: Ecr, codebuild: CodeBuild, queue: Queue, cloud: Cloud
) -> None:
    remembered(site, 5)
    part = {"Successful": [], "Failed": [{"Id": "3", "SenderFault": False, "Code": "InternalError"}]}
    cloud.actions["SendMessageBatch"] = lambda asked: (200, part)
    event = pushed(ecr)
    with pytest.raises(BoatyardError) as raised:
        tell(site, event)
    assert raised.value.meaning.retryable and "InternalError" in raised.value.detail
    del cloud.actions["SendMessageBatch"]
    tell(site, event)
    queue.drain(site)
    assert len(codebuild.builds) == 5


def test_a_crash_while_one_is_rebuilt_touches_no_other(
    site: Parts, ecr: Ecr, codebuild: CodeBuild, queue: Queue, cloud: Cloud
) -> None:
    remembered(site, 12)
    tell(site, pushed(ecr))
    cloud.fail("DescribeImages", "InternalError", after=3, times=2)
    cloud.fail("PUT /boatyard-test/jobs/", "InternalError", after=4, times=2)
    queue.drain(site)
    assert not [fault for fault in cloud.faults if fault.times]
    assert len(targets(codebuild, site)) == 12


def test_an_order_that_cannot_be_read_holds_nobody_up(
    site: Parts, ecr: Ecr, codebuild: CodeBuild, queue: Queue, objects: S3Bucket
) -> None:
    remembered(site, 3)
    first = next(objects.keys("bases/built/"))
    folder = first.rpartition("/")[0]
    objects.put(f"{folder}/{'0' * 32}.json", b"{not json")
    objects.put(f"{folder}/{'1' * 32}.json", b'{"base": 5}')
    objects.put(f"{folder}/notes.txt", b"")
    gone = f"{folder.rpartition('/')[2]}/{'2' * 32}"
    detail = {"base": BASE, "digest": "sha256:" + "0" * 64}
    for more in ({"order": gone}, {"order": "../../contexts/x"}, {"order": "x"}, {}, {"order": gone, "more": 1}):
        queue.put({"source": "boatyard", "detail-type": dependents.REBUILD, "detail": {**detail, **more}})
    queue.put({"source": "boatyard", "detail-type": dependents.PAGE, "detail": {**detail, "after": "../x"}})
    tell(site, pushed(ecr))
    queue.drain(site)
    assert len(codebuild.builds) == 3
    codes = [code for code, _ in queue.dead_letters()]
    assert codes == ["INVALID_SPEC"] * 7, "two that are no orders, and five messages that are none of ours"


def test_what_has_no_room_waits_without_using_up_its_deliveries(
    site: Parts, ecr: Ecr, codebuild: CodeBuild, queue: Queue, cloud: Cloud
) -> None:
    remembered(site, 4)
    tell(site, pushed(ecr))
    codebuild.limit = 2
    assert queue.deliver(site)
    assert len(codebuild.builds) == 2
    put_back = [entry for asked in cloud.asked("SendMessageBatch")[1:] for entry in asked["Entries"]]
    assert [entry["DelaySeconds"] for entry in put_back] == [60, 60]
    assert [json.loads(entry["MessageBody"])["detail"]["tries"] for entry in put_back] == [1, 1]
    assert not queue.deliver(site), "the messages that came are done with"

    tired = json.loads(put_back[0]["MessageBody"])
    tired["detail"]["tries"] = 5
    assert tell(site, sqs(json.dumps(tired)))["batchItemFailures"] == []
    assert cloud.asked("SendMessageBatch")[-1]["Entries"][0]["DelaySeconds"] == 900, "SQS holds none back for longer"
    tired["detail"]["tries"] = 100
    assert len(tell(site, sqs(json.dumps(tired)))["batchItemFailures"]) == 1, "after a day it is a failure"
    codebuild.limit = 10
    for entry in put_back:
        tell(site, sqs(entry["MessageBody"]))
    assert len(codebuild.builds) == 4


@pytest.mark.parametrize(
    "spec",
    [
        {"baseImage": f"{HOST}/base", "pythonVersion": "3.12"},
        {"dockerfile": f"FROM {HOST}/base:latest AS one\nRUN true\nFROM one\nRUN true\n"},
        {"dockerfile": f"FROM scratch\nFROM --platform=$X {HOST}/base\nRUN true\n"},
        {"dockerfile": f"FROM {HOST}/other:1\nFROM {HOST}/base\n"},
    ],
)
def test_however_a_base_is_written(
    site: Parts, ecr: Ecr, codebuild: CodeBuild, queue: Queue, spec: dict[str, Any]
) -> None:
    status, first = ask(site, function_url("POST", "/v1/builds", order(spec=spec)))
    assert status == 202
    digest = ecr.push("base", "latest", "linux/amd64")
    tell(site, image_pushed("base", "latest", digest))
    queue.drain(site)
    assert len(codebuild.builds) == 2
    _, plan = ask(site, function_url("POST", "/v1/plans", order(spec=spec)))
    assert plan["key"] != first["key"]


def test_a_dockerfile_that_names_a_digest_or_nothing_that_moves_stays_as_it_is(
    site: Parts, objects: S3Bucket, codebuild: CodeBuild
) -> None:
    pinned = f"FROM {HOST}/base:1@sha256:{'0' * 64}\n"
    for dockerfile in (pinned, "FROM scratch\n", "ARG X\nFROM $X\n", f"FROM {HOST}/UPPER:1\n"):
        assert ask(site, function_url("POST", "/v1/builds", order(spec={"dockerfile": dockerfile})))[0] in (202, 422)
    assert not list(objects.keys("bases/built/"))
