"""Images on a pushed base are rebuilt through the queue: all of them, once, despite duplicate or lost messages."""

from typing import Any

import pytest

from boatyard.api.handlers import order_of
from boatyard.errors import BoatyardError
from boatyard_serverless import keys
from boatyard_serverless.bases import Orders
from boatyard_serverless.events import dependents
from boatyard_serverless.events.orders import request_of
from tests.serverless.parts import BASE, HOST, MemoryParts, NoQueue, numbered, order


@pytest.fixture
def parts() -> MemoryParts:
    made = MemoryParts()
    made.push(BASE)
    return made


def stored(parts: MemoryParts, count: int) -> None:
    """Stores orders as if their images had been built some time ago."""
    for number in range(count):
        made = order_of(request_of(numbered(number)))
        Orders(parts.bucket).remember(made, parts.deployment.service.plan(made))


def targets(parts: MemoryParts) -> list[str]:
    builds = parts.ask("GET", "/v1/builds", pageSize="500")[1]["builds"]
    assert len(builds) == len(parts.started)
    return sorted(build["target"] for build in builds)


def test_hundreds_become_a_message_each_a_page_at_a_time(parts: MemoryParts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dependents, "PAGE_SIZE", 50)
    stored(parts, 230)
    assert parts.pushed().queued == 50, "the push's own invocation does a page and leaves the rest to others"
    orders: list[str] = []
    pages = 0
    while bodies := parts.queue.take():
        for body in bodies:
            assert (body["base"], body["digest"]) == (BASE, "sha256:" + "f" * 64)
            if "order" in body:
                orders.append(body["order"])
            else:
                assert parts.deliver(body) is None
                pages += 1
    assert pages == 4 and not parts.started
    there = [keys.built_name(key) for key in parts.bucket.keys(keys.BUILT)]
    assert len(orders) == 230 and sorted(orders) == there


def test_each_is_rebuilt_once_though_all_comes_twice(parts: MemoryParts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dependents, "PAGE_SIZE", 3)
    stored(parts, 7)
    parts.pushed()
    parts.pushed()
    parts.drain(copies=2)
    made = targets(parts)
    assert len(made) == len(set(made)) == 7


def test_an_instance_with_older_pins_builds_on_the_new_base(parts: MemoryParts) -> None:
    """Its pins are cached for up to a minute, and with them the image exists: nothing would be built."""
    stored(parts, 1)
    other = MemoryParts(like=parts)
    parts.pushed("e")
    old = other.ask("POST", "/v1/plans", numbered(0))[1]
    made = other.ask("POST", "/v1/builds", numbered(0))[1]
    assert made["key"] == old["key"]
    parts.pushed("f")
    other.drain()
    assert len(parts.started) == 2
    plan = other.ask("POST", "/v1/plans", numbered(0))[1]
    assert plan["baseImage"].endswith("f" * 64) and plan["target"] != old["target"], "immutable tags are no obstacle"


def test_a_crash_of_the_bucket_at_any_call_loses_none() -> None:
    calls, crashed = 0, True
    while crashed:
        calls += 1
        crashed = _rebuilt_with_a_crash_at(calls)
    assert calls > 20


def _rebuilt_with_a_crash_at(calls: int) -> bool:
    """Returns whether there were that many calls."""
    parts = MemoryParts()
    parts.push(BASE)
    stored(parts, 3)
    left = [calls]
    real = parts.bucket._called

    def failing(method: str, key: str) -> Any:
        left[0] -= 1
        if left[0] == 0:
            raise BoatyardError("DATAPLANE_UNAVAILABLE", "the store does not answer")
        return real(method, key)

    parts.bucket._called = failing  # type: ignore[method-assign]
    try:
        parts.pushed()
    except BoatyardError:
        parts.pushed()  # its sender delivers it again
    parts.drain()
    crashed = left[0] <= 0
    left[0] = 0
    assert len({build_id.rpartition("-")[0] for build_id in parts.started}) == 3, "before anybody asks for them"
    made = targets(parts)
    assert len(made) == len(set(made)) == 3, calls
    return crashed


def test_a_queue_that_takes_nothing_is_asked_again(parts: MemoryParts) -> None:
    stored(parts, 5)
    parts.queue.failure = BoatyardError("DATAPLANE_UNAVAILABLE", "full")
    with pytest.raises(BoatyardError) as raised:
        parts.pushed()
    assert raised.value.meaning.retryable
    parts.queue.failure = None
    parts.pushed()
    parts.drain()
    assert len(parts.started) == 5


def test_an_order_that_cannot_be_read_holds_nobody_up(parts: MemoryParts) -> None:
    stored(parts, 3)
    folder = next(parts.bucket.keys(keys.BUILT)).rpartition("/")[0]
    parts.bucket.put(f"{folder}/{'0' * 32}.json", b"{not json")
    parts.bucket.put(f"{folder}/{'1' * 32}.json", b'{"base": 5}')
    parts.bucket.put(f"{folder}/notes.txt", b"")
    gone = f"{folder.rpartition('/')[2]}/{'2' * 32}"
    ours = {"base": BASE, "digest": "sha256:" + "0" * 64}
    for more in ({"order": gone}, {"order": "../../contexts/x"}, {"order": "x"}, {}, {"order": gone, "more": 1}):
        parts.queue.messages.append(({"boatyardEvent": "dependent", **ours, **more}, 0))
    parts.queue.messages.append(({"boatyardEvent": "dependents-page", **ours, "after": "../x"}, 0))
    parts.queue.messages.append(({"boatyardEvent": "nothing of ours"}, 0))
    parts.pushed()
    parts.drain()
    assert len(parts.started) == 3
    codes = [code for _, code, _ in parts.dead_letters.kept]
    assert codes == ["INVALID_SPEC"] * 8, "two that are no orders, and six messages that are none of ours"


def full(parts: MemoryParts) -> None:
    parts.service.failure = BoatyardError("TOO_MANY_BUILDS", "no room")


def test_what_has_no_room_waits_without_using_up_its_deliveries(parts: MemoryParts) -> None:
    stored(parts, 2)
    parts.pushed()
    full(parts)
    first, second = parts.queue.take()
    assert parts.deliver(first) is None and parts.deliver(second) is None, "the messages that came are done with"
    assert [(body["tries"], delay) for body, delay in parts.queue.messages] == [(1, 60), (1, 60)]
    tired = {**parts.queue.take()[0], "tries": 5}
    assert parts.deliver(tired) is None
    assert parts.queue.messages[-1][1] == 900, "no queue is asked to hold a message back for longer"
    failed = parts.deliver({**tired, "tries": 100})
    assert failed and failed.code == "TOO_MANY_BUILDS", "after a day it is a failure"
    parts.service.failure = None
    for body in (first, second):
        assert parts.deliver(body) is None
    assert len(parts.started) == 2


def test_a_queue_that_holds_nothing_back_delivers_again_itself() -> None:
    from boatyard_serverless.memory import MemoryWorkQueue

    parts = MemoryParts(queue=MemoryWorkQueue(longest_delay_seconds=0))
    parts.push(BASE)
    stored(parts, 1)
    parts.pushed()
    full(parts)
    (body,) = parts.queue.take()
    failed = parts.deliver(body)
    assert failed and failed.code == "TOO_MANY_BUILDS"
    assert not parts.queue.messages


def test_without_a_queue_all_are_rebuilt_by_the_push_s_own_invocation() -> None:
    parts = MemoryParts(queue=NoQueue())
    parts.push(BASE)
    stored(parts, 4)
    outcome = parts.pushed()
    assert len(outcome.builds) == len(parts.started) == 4


@pytest.mark.parametrize(
    "spec",
    [
        {"baseImage": f"{HOST}/base", "pythonVersion": "3.12"},
        {"dockerfile": f"FROM {HOST}/base:latest AS one\nRUN true\nFROM one\nRUN true\n"},
        {"dockerfile": f"FROM scratch\nFROM --platform=linux/amd64 {HOST}/base\nRUN true\n"},
        {"dockerfile": f"FROM {HOST}/other:1\nFROM {HOST}/base\n"},
    ],
)
def test_however_a_base_is_written(parts: MemoryParts, spec: dict[str, Any]) -> None:
    status, first = parts.ask("POST", "/v1/builds", order(spec=spec))
    assert status == 202
    parts.pushed(reference=f"{HOST}/base:latest")
    parts.drain()
    assert len(parts.started) == 2
    assert parts.ask("POST", "/v1/plans", order(spec=spec))[1]["key"] != first["key"]


def test_a_dockerfile_that_names_a_digest_or_nothing_that_moves_stays_as_it_is(parts: MemoryParts) -> None:
    pinned = f"FROM {HOST}/base:1@sha256:{'0' * 64}\n"
    for dockerfile in (pinned, "FROM scratch\n", f"FROM {HOST}/UPPER:1\n"):
        assert parts.ask("POST", "/v1/builds", order(spec={"dockerfile": dockerfile}))[0] in (202, 400, 422)
    assert not list(parts.bucket.keys(keys.BUILT))
