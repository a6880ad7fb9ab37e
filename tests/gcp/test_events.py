"""CloudEvents in the form that Google documents are parsed to Boatyard's event types."""

import base64
import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from cloudevents.http import CloudEvent
from werkzeug.exceptions import ServiceUnavailable

from boatyard.errors import BoatyardError
from boatyard.reference import Reference
from boatyard_gcp import handler
from boatyard_gcp.events import FINALIZED, PUBLISHED, parse
from boatyard_serverless.events.model import (
    Dependent,
    DependentsPage,
    Event,
    ImagePushed,
    Irrelevant,
    OrderSent,
    Scheduled,
    SpecDropped,
)
from tests.gcp.cloud_build import CREATE, CloudBuild
from tests.gcp.discovery import api
from tests.gcp.loopback import ApiServer
from tests.gcp.metadata_server import MetadataServer
from tests.gcp.payloads import finalized, image_pushed, notified, published, request, scheduled
from tests.gcp.pubsub import Played, body_of
from tests.gcp.site import BASE, Site, order, variables
from tests.registry.server import FakeRegistry, Fault

BUCKET = "boatyard-bucket"
DIGEST = "sha256:" + "0" * 64
Told = tuple[dict[str, str], dict[str, Any]]


def taken(told: Told) -> Event:
    attributes, data = told
    return parse(attributes["type"], json.loads(json.dumps(data)), bucket=BUCKET)


def test_each_event_is_taken_for_what_it_is() -> None:
    assert taken(finalized(BUCKET, "specs/ml/dev/a.json")) == SpecDropped("specs/ml/dev/a.json")
    assert taken(notified(BUCKET, "specs/ml/dev/a.json")) == SpecDropped("specs/ml/dev/a.json")
    assert taken(image_pushed(BASE, DIGEST)) == ImagePushed(Reference.parse(BASE))
    assert taken(image_pushed(BASE)) == ImagePushed(Reference.parse(BASE))
    assert taken(scheduled()) == Scheduled()
    assert taken(published(json.dumps(order()).encode())) == OrderSent(order())
    page = {"boatyardEvent": "dependents-page", "base": BASE, "digest": DIGEST}
    assert taken(published(json.dumps(page).encode())) == DependentsPage(base=BASE, digest=DIGEST)
    one = {"boatyardEvent": "dependent", "base": BASE, "digest": DIGEST, "order": "a/b"}
    assert taken(published(json.dumps(one).encode())) == Dependent(base=BASE, digest=DIGEST, order="a/b")


def test_the_payloads_have_the_form_that_google_publishes() -> None:
    """Eventarc's data is the object or the message that the APIs' discovery documents describe."""
    api("storage", "v1").check("Object", finalized(BUCKET, "a")[1])
    for _, data in (notified(BUCKET, "a"), image_pushed(BASE, DIGEST), scheduled(), published(b"{}")):
        api("pubsub", "v1").check("PubsubMessage", data["message"])


def test_what_comes_along_with_them_is_left_alone() -> None:
    for told in (
        finalized("another-bucket", "specs/a/b/c.json"),
        notified("another-bucket", "specs/a/b/c.json"),
        notified(BUCKET, "specs/a/b/c.json", event="OBJECT_DELETE"),
        notified(BUCKET, "specs/a/b/c.json", event="OBJECT_ARCHIVE"),
        image_pushed(BASE, DIGEST, action="DELETE"),
        published(json.dumps({"action": "INSERT", "digest": f"{BASE}@{DIGEST}"}).encode(), topic="gcr"),
    ):
        assert isinstance(taken(told), Irrelevant), told


@pytest.mark.parametrize("kind", ["", "google.cloud.storage.object.v1.deleted", "x" * 10_000, FINALIZED, PUBLISHED])
@pytest.mark.parametrize(
    "data",
    [
        *(
            None,
            [],
            "x",
            5,
            {},
            b"\xff",
            {"bucket": 5, "name": []},
            {"bucket": BUCKET},
            {"message": None},
            {"message": {}},
        ),
        *({"message": {"data": data}} for data in ("", "%%%", "e30", "bnVsbA==", "W10=", "/////w==", 5, None)),
        {"message": {"data": "e30=", "attributes": {"eventType": "OBJECT_FINALIZE"}}},
        {"message": {"data": "e30=", "attributes": {"boatyard-event": "scheduled-twice"}}},
        {"message": {"data": "e30=", "attributes": [1]}},
        {"message": {"data": base64.b64encode(b'{"boatyardEvent": "nothing"}').decode()}},
        {"message": {"data": base64.b64encode(b'{"action": "INSERT", "tag": "no reference@"}').decode()}},
        {"message": {"data": base64.b64encode(b'{"action": 5}').decode()}},
        {"message": {"data": base64.b64encode(b"[" * 100_000).decode()}},
    ],
)
def test_an_event_that_nobody_knows_is_refused(kind: str, data: Any) -> None:
    with pytest.raises(BoatyardError) as refused:
        parsed = parse(kind, data, bucket=BUCKET)
        if parsed == OrderSent({}):
            raise BoatyardError("INVALID_SPEC", "an empty order, which is refused where orders are read")
    assert refused.value.code in ("INVALID_SPEC", "INVALID_REFERENCE") and len(refused.value.detail) < 1000


def test_events_wait_for_a_misconfigured_function(
    metadata: MetadataServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {**variables("b-1"), "BOATYARD_CLOUDBUILD_IMAGE": ""}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(handler, "_function", handler._Function())
    with pytest.raises(ServiceUnavailable):
        handler.events(CloudEvent(*scheduled()))
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert line["severity"] == "ERROR" and "BOATYARD_CLOUDBUILD_IMAGE is needed" in line["detail"]


class TestInTheFunction:
    """The whole function, with Google Cloud on loopback."""

    @pytest.fixture
    def topics(self, pubsub: ApiServer) -> Played:
        return Played(pubsub)

    @pytest.fixture
    def site(self, make: Callable[..., Site], topics: Played) -> Site:
        queue, dead = topics.make("work"), topics.make("dead")
        return make(BOATYARD_QUEUE=queue, BOATYARD_DEAD_LETTERS=dead, BOATYARD_PIN_BASES="true")

    @pytest.fixture
    def dead(self, site: Site, topics: Played) -> Callable[[], list[Any]]:
        return lambda: topics.take(site.configuration.dead_letters)

    @pytest.fixture
    def dropped(self, site: Site) -> Told:
        site.bucket.put("specs/ml/dev/app.json", json.dumps({"spec": order()["spec"]}).encode())
        return finalized(site.configuration.bucket, "specs/ml/dev/app.json")

    def test_a_dropped_spec_is_built_and_its_answer_is_beside_it(
        self, site: Site, dropped: Told, cloud_build: CloudBuild
    ) -> None:
        site.event_app.handle(*dropped)
        assert len(cloud_build.builds) == 1
        stored = site.bucket.get("results/ml/dev/app.json")
        assert stored and json.loads(stored.body)["state"] == "QUEUED"

    def test_ten_deliveries_in_any_order_and_form_are_one_build(
        self, site: Site, dropped: Told, cloud_build: CloudBuild, dead: Callable[[], list[Any]]
    ) -> None:
        bucket = site.configuration.bucket
        older = finalized(bucket, "specs/ml/dev/app.json", generation="1")
        sent = [dropped] * 5 + [older] * 3 + [notified(bucket, "specs/ml/dev/app.json")] * 2
        sent += [published(json.dumps(order()).encode(), number=number) for number in range(10)]
        random.Random(5).shuffle(sent)  # noqa: S311 - the same disorder each time
        for told in sent:
            site.event_app.handle(*told)
        assert len(cloud_build.builds) == 1 and not dead()

    def test_an_object_that_is_no_spec_costs_nothing(self, site: Site, storage: Any) -> None:
        site.event_app.handle(*finalized(site.configuration.bucket, "jobs/x/000001/record"))
        assert storage.calls == []

    def test_a_pushed_base_s_dependents_are_rebuilt_through_the_topic(
        self, site: Site, images: FakeRegistry, cloud_build: CloudBuild, topics: Played
    ) -> None:
        path = BASE.partition("/")[2].rpartition(":")[0]
        images.add_image(path, "1")
        assert site.ask(request("POST", "/v1/builds", order()))[0] == 202
        digest = images.add_image(path, "1", labels={"moved": "yes"})
        site.event_app.handle(*image_pushed(BASE, digest))
        messages = topics.take(site.configuration.queue)
        assert messages
        for message in messages:
            site.event_app.handle(*published(body_of(message)))
        assert len(cloud_build.builds) == 2
        assert site.ask(request("POST", "/v1/plans", order()))[1]["baseImage"].endswith(digest)

    def test_the_daily_report_is_written(self, site: Site) -> None:
        site.event_app.handle(*scheduled())
        assert site.bucket.get("drift/latest.json") is not None

    def test_what_a_repeat_can_help_is_raised_and_kept_nowhere(
        self, site: Site, dropped: Told, images: FakeRegistry, cloud_build: CloudBuild, dead: Callable[[], list[Any]]
    ) -> None:
        images.faults = [Fault(status=503, times=10**6, path="/v2/")]
        for told in (dropped, published(json.dumps(order()).encode())):
            with pytest.raises(BoatyardError) as raised:
                site.event_app.handle(*told)
            assert raised.value.meaning.retryable
        images.faults = []
        assert not dead() and not cloud_build.builds
        site.event_app.handle(*dropped)
        assert len(cloud_build.builds) == 1

    def test_a_service_that_has_no_room_makes_the_message_come_again(
        self, site: Site, cloud_build: CloudBuild, dead: Callable[[], list[Any]]
    ) -> None:
        cloud_build.server.fail(CREATE, 429, "RESOURCE_EXHAUSTED")
        with pytest.raises(BoatyardError) as raised:
            site.event_app.handle(*published(json.dumps(order()).encode()))
        assert raised.value.meaning.retryable and not dead()

    @pytest.mark.parametrize("body", [b"no json", b"{}", b'{"spec": 5}', b"\xff\xfe", b'{"boatyardEvent": "x"}'])
    def test_poison_goes_to_the_dead_letters_once_with_its_reason(
        self, site: Site, body: bytes, dead: Callable[[], list[Any]]
    ) -> None:
        site.event_app.handle(*published(body))
        (kept,) = dead()
        assert kept["attributes"]["boatyard-code"] == "INVALID_SPEC"
        assert kept["attributes"]["boatyard-source"].startswith("messagePublished 20704436013115")
        if body != b"\xff\xfe":
            assert body_of(kept) == body

    def test_an_event_of_no_use_goes_there_too(self, site: Site, dead: Callable[[], list[Any]]) -> None:
        site.event_app.handle({"type": "google.cloud.audit.log.v1.written", "id": "1"}, {"a": 1})
        assert len(dead()) == 1

    def test_poison_that_the_topic_does_not_take_comes_again_until_it_does(
        self, site: Site, pubsub: ApiServer, dead: Callable[[], list[Any]]
    ) -> None:
        """The subscription's dead letter policy ends the repeats in the end."""
        pubsub.fail("pubsub.projects.topics.publish", 403, "PERMISSION_DENIED")
        with pytest.raises(BoatyardError):
            site.event_app.handle(*published(b"{}"))
        pubsub.heal()
        site.event_app.handle(*published(b"{}"))
        assert len(dead()) == 1

    def test_without_a_topic_for_them_poison_is_logged_and_does_not_come_again(
        self, make: Callable[..., Site], capsys: pytest.CaptureFixture[str]
    ) -> None:
        make().event_app.handle(*published(b'{"spec": 5}'))
        refused = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [line["code"] for line in refused if line["message"] == "event refused"] == ["INVALID_SPEC"]

    def test_an_unforeseen_error_is_logged_and_comes_again(
        self, site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        app = site.event_app
        monkeypatch.setattr(app._dispatch, "message", lambda *_, **__: [][0])
        with pytest.raises(IndexError):
            app.handle(*scheduled())
        (line, _) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert line["severity"] == "ERROR" and "IndexError" in line["stack_trace"]

    def test_lines_name_the_message_and_its_trace(self, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
        attributes, data = published(json.dumps(order()).encode())
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        site.event_app.handle({**attributes, "traceparent": f"00-{trace}-00f067aa0ba902b7-01"}, data)
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        (done,) = [line for line in lines if line["message"] == "event done"]
        assert done["source"] == f"messagePublished {data['message']['messageId']}"
        assert all(line["logging.googleapis.com/trace"].endswith(trace) for line in lines)
        (metrics,) = [line["metrics"] for line in lines if line["message"] == "metrics"]
        assert metrics["Messages"] == 1 and metrics["EventsDone"] == 1
