"""The client against the API over the in-memory ports, on a real socket."""

import os
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from boatyard.api.messages import OrderRequest, SecretRequest
from boatyard.build import State
from boatyard.ports import Scope
from boatyard.spec import LayerDocument, PipPackages, Secret, SpecDocument
from boatyard_client.client import Client
from boatyard_client.endpoint import Endpoint
from boatyard_client.errors import ApiError, BuildFailedError, ConnectionFailedError, ContextChangedError, ProtocolError
from boatyard_client.events import Accepted, Changed, Event, Log, Uploading, Waiting
from boatyard_client.packing import Contents
from boatyard_client.retry import Patience
from boatyard_client.transport import ApiTransport
from tests.client.orders import order, pack
from tests.client.service import DIGEST, MemoryService, hang_up, once, say


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def client(service: MemoryService, events: list[Event]) -> Iterator[Client]:
    with Client(service.url, patience=Patience(seconds=5), on_event=events.append) as client:
        yield client


def test_an_image_is_built_once_and_then_cached(client: Client, events: list[Event]) -> None:
    built = client.ensure_image(order())
    assert built.image and built.image.endswith(f"@{DIGEST}") and not built.answer.cached
    assert built.build and built.build.state is State.SUCCEEDED
    again = client.ensure_image(order())
    assert again.answer.cached and again.image == built.image and again.build is None


def test_the_events_tell_the_build_in_order(client: Client, events: list[Event]) -> None:
    client.ensure_image(order())
    assert isinstance(events[0], Accepted) and not events[0].joined
    assert [line for event in events if isinstance(event, Log) for line in event.lines] == [
        "one",
        "\x1b[31mtwo\x1b[0m",
        "three",
    ]
    told = [(event.build.state, event.build.step) for event in events if isinstance(event, Changed)]
    assert told[-1][0] is State.SUCCEEDED and len(told) == len(dict.fromkeys(map(str, told)))


def test_without_anyone_to_tell_the_end_is_still_waited_for(service: MemoryService) -> None:
    with Client(service.url) as client:
        assert client.ensure_image(order()).image


def test_a_context_is_uploaded_only_when_it_is_missing(client: Client, service: MemoryService, folder: Path) -> None:
    contents = pack(folder, a=b"1")
    client.ensure_image(order(contents=contents), contents)
    uploads = [line for line in service.requests if line.startswith("PUT /uploads/")]
    assert len(uploads) == 1
    client.ensure_image(order(contents=contents), contents)
    client.ensure_image(order("FROM scratch\n# other", contents), contents)
    assert [line for line in service.requests if line.startswith("PUT /uploads/")] == uploads


def test_nothing_is_packed_for_an_image_that_is_there(
    client: Client, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = pack(folder, a=b"1")
    client.ensure_image(order(contents=contents), contents)
    monkeypatch.setattr(Contents, "pack", None)
    again = pack(folder)
    assert client.ensure_image(order(contents=again), again).answer.cached


def test_nothing_is_packed_to_join_a_build_or_to_hear_of_a_held_failure(
    client: Client, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = pack(folder, a=b"1")
    running, failing = (order(f"FROM scratch\n# {word}", contents) for word in ("HOLD", "FAIL"))
    with pytest.raises(BuildFailedError):
        client.ensure_image(failing, contents)
    client.ensure_image(running, contents, wait=False)
    monkeypatch.setattr(Contents, "pack", None)
    assert client.ensure_image(running, contents, wait=False).answer.joined
    with pytest.raises(BuildFailedError):
        client.ensure_image(failing, contents)


def test_files_that_changed_between_asking_and_packing_are_told(client: Client, folder: Path) -> None:
    contents = pack(folder, a=b"1")
    (folder / "source/a").write_bytes(b"2")
    with pytest.raises(ContextChangedError, match="a changed while it was read"):
        client.ensure_image(order(contents=contents), contents)


def test_an_upload_tells_how_far_it_is(client: Client, events: list[Event], folder: Path) -> None:
    with pack(folder, big=os.urandom(1_000_000)).pack() as packed:
        client.upload(packed.context, packed.file)
        sent = [event.sent for event in events if isinstance(event, Uploading)]
        assert sent == sorted(sent) and sent[0] == 0 and sent[-1] == packed.context.size and len(sent) > 3
        assert not client.upload(packed.context, packed.file)


def test_a_broken_upload_begins_again(
    client: Client, service: MemoryService, events: list[Event], folder: Path
) -> None:
    def break_off(handler: object) -> None:
        handler.rfile.read(1000)  # type: ignore[attr-defined]
        hang_up(handler)

    service.faults += [once("PUT", "/uploads/", break_off), once("PUT", "/uploads/", say(503, b"busy"))]
    contents = pack(folder, big=os.urandom(2_000_000))
    outcome = client.ensure_image(order(contents=contents), contents)
    assert outcome.image
    assert sum(isinstance(event, Waiting) for event in events) == 2
    assert [event.sent for event in events if isinstance(event, Uploading)].count(0) == 3


def test_bytes_that_are_not_those_announced_are_refused_and_the_next_try_works(
    client: Client, service: MemoryService, folder: Path
) -> None:
    with pack(folder, a=b"1").pack() as packed:
        data = packed.file.read()
        wrong = (folder / "wrong").open("w+b")
        wrong.write(bytes(len(data)))
        with wrong, pytest.raises(ApiError) as caught:
            client.upload(packed.context, wrong)
        assert caught.value.code == "CONTEXT_INVALID" and not caught.value.retryable
        assert client.upload(packed.context, packed.file)


def test_without_its_archive_a_missing_context_is_an_error(client: Client, folder: Path) -> None:
    with pytest.raises(ApiError) as caught:
        client.ensure_image(order(contents=pack(folder, a=b"1")))
    assert caught.value.code == "CONTEXT_MISSING"


def test_a_failed_build_says_why(client: Client) -> None:
    with pytest.raises(BuildFailedError) as caught:
        client.ensure_image(order("FROM scratch\n# FAIL"))
    failure = caught.value.failure
    assert (failure.code, failure.layer_index, failure.sdk_call) == ("COMMAND_FAILED", 0, "with_commands(['x'])")
    assert failure.log_tail == ("one", "three")


def test_a_held_failure_is_told_as_old(client: Client) -> None:
    with pytest.raises(BuildFailedError) as new:
        client.ensure_image(order("FROM scratch\n# FAIL"))
    with pytest.raises(BuildFailedError) as old:
        client.ensure_image(order("FROM scratch\n# FAIL"))
    assert "--force builds now" not in new.value.failure.advice
    assert "This failure is " in old.value.failure.advice and "--force" in old.value.failure.advice


def test_a_failure_that_is_held_answers_at_once_unless_forced(client: Client, service: MemoryService) -> None:
    for force in (False, False, True):
        with pytest.raises(BuildFailedError):
            client.ensure_image(order("FROM scratch\n# FAIL", force=force))
    assert [build.attempt for build in service.builds()] == [2, 1]


def test_a_build_that_is_not_waited_for_has_an_id_and_no_image(client: Client, service: MemoryService) -> None:
    outcome = client.ensure_image(order("FROM scratch\n# HOLD"), wait=False)
    assert outcome.answer.id and outcome.image is None
    joined = client.ensure(order("FROM scratch\n# HOLD"))
    assert joined.joined and joined.id == outcome.answer.id
    service.worker.go_on.set()
    assert client.follow(outcome.answer.id).state is State.SUCCEEDED


def test_a_cancelled_build_ends_what_follows_it(client: Client, service: MemoryService) -> None:
    outcome = client.ensure_image(order("FROM scratch\n# HOLD"), wait=False)
    assert outcome.answer.id
    threading.Timer(0.1, client.cancel, [outcome.answer.id]).start()
    assert client.follow(outcome.answer.id).state is State.CANCELLED


def test_following_outlives_a_restart_of_the_service(
    client: Client, service: MemoryService, events: list[Event]
) -> None:
    def restart() -> None:
        while not any(request.endswith("/logs") for request in service.requests):
            time.sleep(0.01)
        service.stop()
        time.sleep(0.4)
        service.start()
        service.worker.go_on.set()

    threading.Thread(target=restart).start()
    assert client.ensure_image(order("FROM scratch\n# HOLD")).image
    assert any(isinstance(event, Waiting) for event in events)
    lines = [line for event in events if isinstance(event, Log) for line in event.lines]
    assert lines == ["one", "\x1b[31mtwo\x1b[0m", "three"]


def test_ctrl_c_leaves_the_build_running(service: MemoryService) -> None:
    told: list[Accepted] = []

    def interrupt(event: Event) -> None:
        if isinstance(event, Accepted):
            told.append(event)
        if isinstance(event, Changed):
            raise KeyboardInterrupt

    with Client(service.url, on_event=interrupt) as client, pytest.raises(KeyboardInterrupt):
        client.ensure_image(order("FROM scratch\n# HOLD"))
    assert service.builds()[0].id == told[0].id and not service.builds()[0].state.ended


def test_secrets_go_there_and_never_come_back(client: Client, service: MemoryService) -> None:
    spec = SpecDocument(
        base_image="x",
        python_version="3.12",
        layers=(LayerDocument(pip_packages=PipPackages(packages=("a",), secret_mounts=(Secret(key="token"),))),),
    )
    with pytest.raises(ApiError) as caught:
        client.ensure_image(OrderRequest(spec=spec))
    assert caught.value.code == "SECRET_NOT_FOUND" and caught.value.missing == ("token",)
    client.put_secret("token", SecretRequest(kind="build", value="s3cret"))
    assert service.secrets.missing(Scope("default", "development"), ["token"]) == ()
    assert client.ensure_image(OrderRequest(spec=spec)).image


def test_every_other_operation_has_its_types(client: Client) -> None:
    image = client.ensure_image(order()).image
    assert image
    assert client.image(image).digest == DIGEST
    assert client.health().status == "ok"
    assert client.capabilities().cloud == "memory"
    assert client.plan(order()).dockerfile == "FROM scratch"
    builds = client.builds(project="default", domain="development", state=State.SUCCEEDED, page_size=1)
    assert len(builds.builds) == 1
    page = client.logs(builds.builds[0].id)
    assert page.done and client.logs(builds.builds[0].id, page.cursor).lines == ()
    assert client.builds(state=State.FAILED).builds == ()


def test_an_id_from_anywhere_stays_one_segment_of_the_path(client: Client, service: MemoryService) -> None:
    with pytest.raises(ApiError) as caught:
        client.build("../secrets/x?y#z")
    assert caught.value.status == 404
    assert service.requests[-1].startswith("GET /v1/builds/..%2Fsecrets")


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 429])
def test_answers_of_a_gateway_are_asked_again(
    status: int, client: Client, service: MemoryService, events: list[Event]
) -> None:
    service.faults.append(once("POST", "/v1/builds", say(status, b"<html>busy</html>")))
    assert client.ensure_image(order()).image
    waiting = [event for event in events if isinstance(event, Waiting)]
    assert len(waiting) == 1 and f"answered {status}" in waiting[0].reason


def test_a_connection_that_breaks_is_made_again(client: Client, service: MemoryService) -> None:
    client.health()
    service.faults += [once("POST", "/v1/builds", hang_up), once("GET", "/v1/builds/", hang_up)]
    assert client.ensure_image(order()).image


def test_retry_after_is_kept_to(client: Client, service: MemoryService, events: list[Event]) -> None:
    problem = _problem("TOO_MANY_BUILDS", 429)
    service.faults.append(once("POST", "/v1/builds", say(429, problem, retry_after="1")))
    started = time.monotonic()
    assert client.ensure_image(order()).image
    assert time.monotonic() - started >= 1
    assert [event.seconds for event in events if isinstance(event, Waiting)] == [1.0]


def test_a_wait_longer_than_patience_is_not_begun(client: Client, service: MemoryService) -> None:
    service.faults.append(once("POST", "/v1/builds", say(429, _problem("TOO_MANY_BUILDS", 429), retry_after="60")))
    started = time.monotonic()
    with pytest.raises(ApiError) as caught:
        client.ensure_image(order())
    assert caught.value.code == "TOO_MANY_BUILDS" and time.monotonic() - started < 30


def test_a_refusal_for_good_is_not_asked_again(client: Client, service: MemoryService) -> None:
    with pytest.raises(ApiError) as caught:
        client.ensure(OrderRequest(spec=SpecDocument(base_image="x", python_version="2.7")))
    assert caught.value.code == "INVALID_SPEC" and caught.value.field == "spec.pythonVersion"
    assert caught.value.advice and len(service.requests) == 1


def test_codes_of_a_newer_service_come_through(client: Client, service: MemoryService) -> None:
    service.faults.append(once("GET", "/v1/capabilities", say(418, _problem("TEAPOT", 418, retryable=False))))
    with pytest.raises(ApiError) as caught:
        client.capabilities()
    assert (caught.value.code, caught.value.status) == ("TEAPOT", 418)


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [(200, b"<html>", "not how Boatyard answers"), (404, b"nothing", "not how Boatyard answers"), (403, b"", "403")],
)
def test_something_else_at_the_address_is_told(
    status: int, body: bytes, text: str, client: Client, service: MemoryService
) -> None:
    service.faults.append(once("GET", "/v1/capabilities", say(status, body)))
    with pytest.raises(ProtocolError, match=text):
        client.capabilities()


def test_nobody_at_the_address_is_one_clear_line_at_once(service: MemoryService) -> None:
    service.stop()
    started = time.monotonic()
    with Client(Endpoint(service.url, "BOATYARD_URL")) as client, pytest.raises(ConnectionFailedError) as caught:
        client.capabilities()
    assert time.monotonic() - started < Patience().seconds / 2
    assert str(caught.value) == (
        f"no Boatyard answers at {service.url}; start it with `boatyard serve` or set BOATYARD_URL"
    )
    assert "BOATYARD_URL" in caught.value.advice
    service.start()


@pytest.mark.parametrize(
    ("url", "verified"), [("https://x.example.com", True), ("HTTPS://x.example.com", True), ("http://x", False)]
)
def test_certificates_are_checked_wherever_there_are_any(url: str, verified: bool) -> None:
    transport = ApiTransport(Endpoint(url, "test"))
    context = transport._http._transport._pool._ssl_context  # type: ignore[attr-defined]
    assert (context.verify_mode == ssl.CERT_REQUIRED) is verified
    transport.close()


def test_uploads_elsewhere_get_no_credentials() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        request.read()
        if request.url.path.endswith("/v1/contexts"):
            where = {"exists": False, "uploadUrl": "https://bucket.example.com/x?sig=1", "headers": {"x-a": "b"}}
            return httpx.Response(201, json=where)
        return httpx.Response(200)

    over = httpx.MockTransport(answer)
    with (
        Client("https://boatyard.example.com/base", auth=httpx.BasicAuth("me", "pw"), over=over) as client,
        pack(Path.cwd(), a=b"1").pack() as packed,
    ):
        assert client.upload(packed.context, packed.file)
    assert seen[0].url == "https://boatyard.example.com/base/v1/contexts" and "authorization" in seen[0].headers
    assert seen[1].url == "https://bucket.example.com/x?sig=1" and "authorization" not in seen[1].headers
    assert seen[1].headers["content-length"] == str(packed.context.size)
    assert "transfer-encoding" not in seen[1].headers and seen[1].headers["x-a"] == "b"


@pytest.mark.parametrize(("status", "taken"), [(200, True), (409, True), (412, True), (400, False), (403, False)])
def test_an_archive_that_the_store_has_already_is_uploaded(status: int, taken: bool) -> None:
    """Stores that accept an object once give this answer to a second upload, such as after a lost answer."""

    def answer(request: httpx.Request) -> httpx.Response:
        request.read()
        if request.url.path.endswith("/v1/contexts"):
            where = {"exists": False, "uploadUrl": "https://bucket.example.com/x?sig=1", "headers": {}}
            return httpx.Response(201, json=where)
        return httpx.Response(status, text="<Error><Code>PreconditionFailed</Code></Error>")

    over = httpx.MockTransport(answer)
    with (
        Client("https://boatyard.example.com", auth=httpx.BasicAuth("me", "pw"), over=over) as client,
        pack(Path.cwd(), a=b"1").pack() as packed,
    ):
        if taken:
            assert client.upload(packed.context, packed.file)
            return
        with pytest.raises(ProtocolError, match=f"bucket.example.com answered {status}"):
            client.upload(packed.context, packed.file)


@pytest.mark.parametrize("another_was_faster", [True, False])
def test_an_upload_that_the_store_forbids_is_there_or_an_error(another_was_faster: bool) -> None:
    """Azure forbids an upload that would overwrite, so the service is asked whether the archive is there."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        request.read()
        asked.append(request.url.host)
        if request.url.path.endswith("/v1/contexts"):
            if another_was_faster and len(asked) > 1:
                return httpx.Response(200, json={"exists": True})
            where = {"exists": False, "uploadUrl": "https://account.example.com/x?sig=1", "headers": {}}
            return httpx.Response(201, json=where)
        return httpx.Response(403, text="<Error><Code>UnauthorizedBlobOverwrite</Code></Error>")

    over = httpx.MockTransport(answer)
    with Client("https://boatyard.example.com", over=over) as client, pack(Path.cwd(), a=b"1").pack() as packed:
        if another_was_faster:
            assert not client.upload(packed.context, packed.file)
        else:
            with pytest.raises(ProtocolError, match=r"account.example.com answered 403 Forbidden to the upload"):
                client.upload(packed.context, packed.file)
    assert asked == ["boatyard.example.com", "account.example.com", "boatyard.example.com"]


def test_a_relative_upload_address_is_the_services_own() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        request.read()
        if request.url.path.endswith("/contexts"):
            return httpx.Response(201, json={"exists": False, "uploadUrl": "/up/x", "headers": {}})
        return httpx.Response(201)

    over = httpx.MockTransport(answer)
    with (
        Client("https://boatyard.example.com", auth=httpx.BasicAuth("me", "pw"), over=over) as client,
        pack(Path.cwd(), a=b"1").pack() as packed,
    ):
        client.upload(packed.context, packed.file)
    assert seen[1].url == "https://boatyard.example.com/up/x" and "authorization" in seen[1].headers


def _problem(code: str, status: int, *, retryable: bool = True) -> dict[str, object]:
    return {
        "type": f"urn:boatyard:error:{code}",
        "title": "t",
        "status": status,
        "detail": "d",
        "code": code,
        "retryable": retryable,
        "advice": "a",
    }
