"""Messages of the Storage Queue: what each is taken for, and what becomes of it."""

import base64
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from boatyard.errors import BoatyardError
from boatyard.reference import Reference
from boatyard_azure.events import MOST_TRIES, EventApp, parse
from boatyard_azure.telemetry import InsightsTelemetry
from boatyard_serverless.events.model import (
    Dependent,
    DependentsPage,
    Event,
    ImagePushed,
    Irrelevant,
    OrderSent,
    SpecDropped,
)
from tests.azure.logs import Lines
from tests.azure.payloads import ACCOUNT, CONTAINER, as_cloud_event, blob_created, image_pushed
from tests.serverless.parts import BASE, HOST, MemoryParts, order

DIGEST = "sha256:" + "0" * 64
KEY = "specs/ml/dev/app.json"


def taken(document: Any) -> Event:
    return parse(json.loads(json.dumps(document)), account=ACCOUNT, container=CONTAINER)


def test_each_message_is_taken_for_what_it_is() -> None:
    for told in (blob_created(KEY), as_cloud_event(blob_created(KEY)), blob_created(KEY, account=ACCOUNT.upper())):
        assert taken(told) == SpecDropped(KEY)
    pushed = ImagePushed(Reference.parse("boatyard.azurecr.io/team/base:1"))
    for told in (image_pushed("boatyard.azurecr.io", "team/base"),):
        assert taken(told) == taken(as_cloud_event(told)) == pushed
    assert taken(order()) == OrderSent(order())
    page = {"boatyardEvent": "dependents-page", "base": BASE, "digest": DIGEST}
    assert taken(page) == DependentsPage(base=BASE, digest=DIGEST)
    one = {"boatyardEvent": "dependent", "base": BASE, "digest": DIGEST, "order": "a/b"}
    assert taken(one) == Dependent(base=BASE, digest=DIGEST, order="a/b")


def test_what_comes_along_with_them_is_left_alone() -> None:
    deleted = {**blob_created(KEY), "eventType": "Microsoft.Storage.BlobDeleted"}
    for told in (
        blob_created(KEY, account="another"),
        blob_created(KEY, container="another"),
        blob_created(KEY, container=f"another/blobs/{CONTAINER}"),
        deleted,
        as_cloud_event(deleted),
        image_pushed("boatyard.azurecr.io", "base", tag=None),
        {**image_pushed("boatyard.azurecr.io", "base"), "eventType": "Microsoft.ContainerRegistry.ImageDeleted"},
    ):
        assert isinstance(taken(told), Irrelevant), told


@pytest.mark.parametrize(
    "document",
    [
        *(None, [], "x", 5, [blob_created(KEY)]),
        {"subject": 5, "eventType": "x"},
        {"subject": "x", "type": "Microsoft.EventGrid.SubscriptionValidationEvent"},
        {"subject": "x", "eventType": "x" * 10_000},
        {"subject": "x", "eventType": "Microsoft.Storage.BlobCreated"},
        {**blob_created(KEY), "topic": ""},
        {**blob_created(KEY), "subject": "/blobServices/default/containers/boatyard"},
        {**image_pushed("boatyard.azurecr.io", "base"), "data": None},
        {**image_pushed("boatyard.azurecr.io", "base"), "data": {"target": {"tag": 5}}},
        image_pushed("", "base"),
        image_pushed("boatyard.azurecr.io", "NO/REPOSITORY"),
        image_pushed("boatyard.azurecr.io", "base", tag="no tag"),
        {"boatyardEvent": "nothing"},
    ],
)
def test_a_message_that_nobody_knows_is_refused(document: Any) -> None:
    with pytest.raises(BoatyardError) as refused:
        taken(document)
    assert refused.value.code in ("INVALID_SPEC", "INVALID_REFERENCE") and len(refused.value.detail) < 1000


class TestInTheFunction:
    @pytest.fixture
    def parts(self) -> MemoryParts:
        made = MemoryParts()
        made.push(BASE)
        made.bucket.put(KEY, json.dumps({"spec": order()["spec"]}).encode())
        return made

    @pytest.fixture
    def app(self, parts: MemoryParts) -> EventApp:
        telemetry = InsightsTelemetry()
        parts.telemetry = telemetry  # type: ignore[assignment]
        return EventApp(parts.deployment.dispatch, parts.dead_letters, telemetry, account=ACCOUNT, container=CONTAINER)

    def test_ten_deliveries_in_any_order_and_form_are_one_build(self, app: EventApp, parts: MemoryParts) -> None:
        bodies = [json.dumps(told).encode() for told in (blob_created(KEY), as_cloud_event(blob_created(KEY)), order())]
        sent = [*bodies, *map(base64.b64encode, bodies)] * 10
        random.Random(5).shuffle(sent)  # noqa: S311 - the same disorder each time
        for body in sent:
            app.message(body, name="m", tries=1)
        assert len(parts.started) == 1 and not parts.dead_letters.kept
        assert parts.bucket.get("results/ml/dev/app.json") is not None

    def test_a_pushed_bases_dependents_are_queued(self, app: EventApp, parts: MemoryParts) -> None:
        app.message(json.dumps(order()).encode(), name="m", tries=1)
        parts.push(BASE, "b")
        app.message(json.dumps(image_pushed(HOST, "base")).encode(), name="m", tries=1)
        (message,) = parts.queue.take()
        app.message(json.dumps(message).encode(), name="m", tries=1)
        assert len(parts.started) == 2

    def test_what_a_repeat_can_help_is_raised_until_the_last_try_keeps_it(
        self, app: EventApp, parts: MemoryParts
    ) -> None:
        parts.registry.failure = BoatyardError("REGISTRY_UNAVAILABLE", "later")
        body = json.dumps(order()).encode()
        for tries in range(1, MOST_TRIES):
            with pytest.raises(BoatyardError) as raised:
                app.message(body, name="m", tries=tries)
            assert raised.value.meaning.retryable and not parts.dead_letters.kept
        app.message(body, name="m", tries=MOST_TRIES)
        assert parts.dead_letters.kept == [(order(), "REGISTRY_UNAVAILABLE", "m")]

    def test_without_dead_letters_the_host_moves_it(self, app: EventApp, parts: MemoryParts) -> None:
        parts.dead_letters.takes = False
        for body in (b'{"spec": 5}', b"x" * 20_000):
            with pytest.raises(BoatyardError):
                app.message(body, name="m", tries=MOST_TRIES)
            with pytest.raises(BoatyardError):
                app.poison(body, name="m")

    @pytest.mark.parametrize(
        ("body", "kept"),
        [
            (b"no json", "no json"),
            (b"{}", {}),
            (b'{"spec": 5}', {"spec": 5}),
            (base64.b64encode(b'{"spec": 5}'), {"spec": 5}),
            (b"\xff\xfe", "\ufffd\ufffd"),
            (b"", ""),
            (b"[" * 40_000, "[" * 40_000),
        ],
    )
    def test_poison_is_kept_at_its_first_try_with_its_reason(
        self, app: EventApp, parts: MemoryParts, body: bytes, kept: Any
    ) -> None:
        app.message(body, name="m", tries=1)
        assert parts.dead_letters.kept == [(kept, "INVALID_SPEC", "m")]

    def test_a_message_that_leaves_no_room_for_its_reason_is_kept_in_part(
        self, app: EventApp, parts: MemoryParts
    ) -> None:
        keep, body = parts.dead_letters.keep, json.dumps({"spec": "ü" * 20_000}, ensure_ascii=False).encode()

        def small(body: Any, error: BoatyardError, *, source: str) -> bool:
            return len(json.dumps(body).encode()) < 48 * 1024 and keep(body, error, source=source)

        parts.dead_letters.keep = small  # type: ignore[method-assign]
        with pytest.raises(BoatyardError):
            app.message(body, name="m", tries=1)
        app.message(body, name="m", tries=MOST_TRIES)
        ((told, code, _),) = parts.dead_letters.kept
        assert code == "INVALID_SPEC" and body.decode().startswith(told) and len(told) > 4000

    def test_what_the_host_has_given_up_is_kept_with_a_reason(
        self, app: EventApp, parts: MemoryParts, lines: Lines
    ) -> None:
        app.poison(json.dumps(order()).encode(), name="poison 1")
        assert parts.dead_letters.kept == [(order(), "INTERNAL", "poison 1")]
        (line,) = [line for line in lines() if line["message"] == "message given up"]
        assert f"{MOST_TRIES} tries" in line["detail"] and not parts.started

    def test_an_unforeseen_error_is_logged_and_comes_again(
        self, app: EventApp, parts: MemoryParts, lines: Lines, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with broken(app, monkeypatch):
            with pytest.raises(BoatyardError) as raised:
                app.message(b"{}", name="m", tries=1)
            assert raised.value.code == "INTERNAL"
            app.message(b"{}", name="m", tries=MOST_TRIES)
        assert [code for _, code, _ in parts.dead_letters.kept] == ["INTERNAL"]
        assert any("IndexError" in line.get("stack_trace", "") for line in lines())

    def test_the_daily_report_is_written(self, app: EventApp, parts: MemoryParts) -> None:
        app.scheduled()
        assert parts.bucket.get("drift/latest.json") is not None

    def test_lines_name_the_message_its_invocation_and_its_trace(self, app: EventApp, lines: Lines) -> None:
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        invocation = "5fc1a0e5-7a57-4b02-a8a5-4a46ae2ba5b6"
        app.message(
            json.dumps(order()).encode(),
            name="message 1",
            tries=1,
            invocation=invocation,
            traceparent=f"00-{trace}-00f067aa0ba902b7-01",
        )
        found = lines()
        (done,) = [line for line in found if line["message"] == "event done"]
        assert done["source"] == "message 1"
        assert all((line["invocation"], line["trace"]) == (invocation, trace) for line in found)
        (metrics,) = [line["metrics"] for line in found if line["message"] == "metrics"]
        assert metrics["Messages"] == 1 and metrics["EventsDone"] == 1


@contextmanager
def broken(app: EventApp, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setattr(app._dispatch, "message", lambda *_, **__: [][0])
        yield
