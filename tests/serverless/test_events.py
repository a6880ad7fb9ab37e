"""Each event starts the right builds, also if events arrive repeatedly and in any order."""

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from boatyard.errors import BoatyardError
from boatyard.reference import Reference
from boatyard_serverless import keys
from boatyard_serverless.builds.ledger import BucketLedger
from boatyard_serverless.events.model import (
    Dependent,
    DependentsPage,
    ImagePushed,
    Irrelevant,
    OrderSent,
    Scheduled,
    SpecDropped,
    parse_message,
)
from boatyard_serverless.ports import Unsure
from tests.serverless.parts import BASE, MemoryParts, order

KEY = "specs/ml/dev/app.json"


@pytest.fixture
def parts() -> MemoryParts:
    made = MemoryParts()
    made.push(BASE)
    return made


def result(parts: MemoryParts) -> Any:
    stored = parts.bucket.get("results/ml/dev/app.json")
    return json.loads(stored.body) if stored else None


class TestMessages:
    def test_a_message_is_an_order_and_ten_deliveries_are_one_build(self, parts: MemoryParts) -> None:
        for _ in range(10):
            assert parts.deliver(order()) is None
        assert len(parts.started) == 1

    def test_what_a_repeat_can_help_is_raised_and_what_it_cannot_is_kept(self, parts: MemoryParts) -> None:
        parts.registry.failure = BoatyardError("REGISTRY_UNAVAILABLE", "later")
        failed = parts.deliver(order())
        assert failed and failed.meaning.retryable and not parts.dead_letters.kept
        assert parts.deliver({"spec": 5}) is None
        assert parts.dead_letters.kept == [({"spec": 5}, "INVALID_SPEC", "m")]

    def test_without_dead_letters_the_queue_gives_it_up_itself(self, parts: MemoryParts) -> None:
        parts.dead_letters.takes = False
        failed = parts.deliver({"spec": 5})
        assert failed and failed.code == "INVALID_SPEC"

    @pytest.mark.parametrize("body", [None, [], "x", 5])
    def test_what_is_no_object_is_refused(self, body: Any) -> None:
        with pytest.raises(BoatyardError) as refused:
            parse_message(body)
        assert refused.value.code == "INVALID_SPEC"

    def test_a_message_of_ours_is_told_from_an_order(self) -> None:
        assert parse_message({"spec": 1}) == OrderSent({"spec": 1})
        page = {"boatyardEvent": "dependents-page", "base": "b", "digest": "d"}
        assert parse_message(page) == DependentsPage(base="b", digest="d")
        one = {"boatyardEvent": "dependent", "base": "b", "digest": "d", "order": "o", "tries": 2}
        assert parse_message(one) == Dependent(base="b", digest="d", order="o", tries=2)
        for wrong in ({**page, "more": 1}, {**page, "boatyardEvent": 5}, {"boatyardEvent": "dependent"}):
            with pytest.raises(BoatyardError):
                parse_message(wrong)


class TestDroppedSpecs:
    def test_it_builds_and_the_result_lies_beside(self, parts: MemoryParts) -> None:
        parts.bucket.put(KEY, json.dumps({"spec": order()["spec"]}).encode())
        for _ in range(10):
            outcome = parts.event(SpecDropped(KEY))
        assert result(parts)["id"] == outcome.builds[0]
        assert len(parts.started) == 1

    def test_a_late_event_builds_what_is_there_now(self, parts: MemoryParts) -> None:
        assert "deleted" in parts.event(SpecDropped(KEY)).ignored

    def test_an_event_whose_start_was_not_answered_comes_again_until_the_build_is_known(
        self, parts: MemoryParts
    ) -> None:
        parts.bucket.put(KEY, json.dumps({"spec": order()["spec"]}).encode())
        parts.service.failure = Unsure()
        with pytest.raises(BoatyardError) as raised:
            parts.event(SpecDropped(KEY))
        assert raised.value.meaning.retryable and "claimed" in raised.value.detail
        parts.service.failure = None
        with pytest.raises(BoatyardError):
            parts.event(SpecDropped(KEY))
        parts.clock.sleep(61)
        assert parts.event(SpecDropped(KEY)).builds == tuple(parts.started)

    def test_a_function_that_dies_at_any_call_leaves_an_event_that_starts_one_build(self) -> None:
        """Nobody asks for the build but the event, which comes every ten seconds until a function acknowledges it."""
        calls, died = 0, True
        while died:
            calls += 1
            died = _dropped_with_a_death_at(calls)
        assert calls > 10

    @pytest.mark.parametrize("body", [b"{", b"[]", b'{"spec": {"baseImage": 5}}', b"\xff", b"[" * 9999])
    def test_a_spec_that_is_wrong_is_told_beside_it_and_not_again(self, parts: MemoryParts, body: bytes) -> None:
        parts.bucket.put(KEY, body)
        assert parts.event(SpecDropped(KEY)).code == "INVALID_SPEC"
        assert result(parts)["code"] == "INVALID_SPEC"

    def test_a_folder_is_a_scope_that_cannot_be_left(self, parts: MemoryParts) -> None:
        parts.bucket.put(KEY, json.dumps(order(project="other")).encode())
        assert parts.event(SpecDropped(KEY)).code == "FORBIDDEN"
        assert not parts.started

    @pytest.mark.parametrize(
        "key", ["contexts/x.tar.gz", "specs/a.json", "specs/ml/dev/x/y.json", "specs/ml/dev/a.yaml"]
    )
    def test_other_objects_are_left_alone(self, parts: MemoryParts, key: str) -> None:
        assert parts.event(SpecDropped(key)).ignored

    def test_what_a_repeat_can_help_is_raised(self, parts: MemoryParts) -> None:
        parts.bucket.put(KEY, json.dumps(order()).encode())
        parts.registry.failure = BoatyardError("REGISTRY_UNAVAILABLE", "later")
        with pytest.raises(BoatyardError):
            parts.event(SpecDropped(KEY))
        assert result(parts) is None


class TestBases:
    def test_what_was_built_on_it_is_built_on_its_new_digest(self, parts: MemoryParts) -> None:
        key = parts.ask("POST", "/v1/builds", order())[1]["key"]
        parts.pushed("f")
        parts.drain()
        assert len(parts.started) == 2
        plan = parts.ask("POST", "/v1/plans", order())[1]
        assert plan["baseImage"] == f"{BASE}@sha256:{'f' * 64}" and plan["key"] != key
        assert MemoryParts(like=parts).ask("POST", "/v1/plans", order())[1]["key"] == plan["key"]

    def test_ten_events_in_any_order_are_one_build(self, parts: MemoryParts) -> None:
        parts.ask("POST", "/v1/builds", order())
        parts.push(BASE, "f")
        for _ in range(10):
            parts.event(ImagePushed(Reference.parse(BASE)))
        parts.drain()
        assert len(parts.started) == 2, "what the tag is now, not what a late event says"

    def test_a_push_of_anything_else_is_ignored(self, parts: MemoryParts) -> None:
        parts.ask("POST", "/v1/builds", order())
        assert parts.pushed(reference="registry.example.com/images/app:1").ignored
        parts.registry.delete(Reference.parse(BASE))
        assert "deleted" in parts.event(ImagePushed(Reference.parse(BASE))).ignored
        assert parts.deployment.dispatch.event(lambda: Irrelevant("x", "of another bucket"), {}, source="t").ignored

    def test_a_build_is_not_refused_because_its_order_could_not_be_stored(self, parts: MemoryParts) -> None:
        real = parts.bucket.put

        def put(key: str, body: bytes) -> None:
            if key.startswith("bases/"):
                raise BoatyardError("DATAPLANE_DENIED", "no")
            real(key, body)

        parts.bucket.put = put  # type: ignore[method-assign]
        assert parts.ask("POST", "/v1/builds", order())[0] == 202
        assert any("order not stored" in line for line, *_ in parts.telemetry.lines)

    def test_pins_that_cannot_be_read_are_never_taken_for_none(self, parts: MemoryParts) -> None:
        parts.bucket.put("bases/pins.json", b"[]")
        status, problem = parts.ask("POST", "/v1/plans", order())
        assert status == 500 and "bases/pins.json" in problem["detail"]


class TestDrift:
    def test_the_report_says_which_bases_moved(self, parts: MemoryParts) -> None:
        parts.ask("POST", "/v1/builds", order())
        assert not parts.event(Scheduled()).problems
        new = parts.push(BASE, "f")
        assert parts.event(Scheduled()).problems == (f"{BASE} has moved",)
        stored = parts.bucket.get("drift/latest.json")
        assert stored
        (base,) = json.loads(stored.body)["bases"]
        assert (base["current"], base["orders"], base["drifted"]) == (new, 1, True)
        assert len(list(parts.bucket.keys("drift/2"))) == 1

    def test_a_base_that_cannot_be_asked_is_in_the_report_and_stops_nothing(self, parts: MemoryParts) -> None:
        parts.ask("POST", "/v1/builds", order())
        parts.registry.failure = BoatyardError("REGISTRY_DENIED", "no")
        parts.event(Scheduled())
        stored = parts.bucket.get("drift/latest.json")
        assert stored and "REGISTRY_DENIED" in json.loads(stored.body)["bases"][0]["problem"]


def test_an_event_that_nobody_knows_is_refused_once(parts: MemoryParts) -> None:
    from boatyard.errors import invalid

    def parse() -> Any:
        raise invalid("nothing here handles it")

    outcome = parts.deployment.dispatch.event(parse, {"a": 1}, source="x")
    assert outcome.code == "INVALID_SPEC"
    assert parts.dead_letters.kept == [({"a": 1}, "INVALID_SPEC", "x")]


def _dropped_with_a_death_at(calls: int) -> bool:
    """Whether there were so many calls to the bucket and the build service: the function dies after this one."""
    first = MemoryParts()
    first.push(BASE)
    first.bucket.put(KEY, json.dumps({"spec": order()["spec"]}).encode())
    left = [calls]

    def dying(call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **more: Any) -> Any:
            found = call(*arguments, **more)
            left[0] -= 1
            if left[0] == 0:
                raise SystemExit
            return found

        return called

    with pytest.MonkeyPatch.context() as patched, contextlib.suppress(SystemExit):
        for owner, names in ((first.bucket, ("get", "has", "put", "create", "replace")), (first.service, ("start",))):
            for name in names:
                patched.setattr(owner, name, dying(getattr(owner, name)))
        first.event(SpecDropped(KEY))
    died = left[0] <= 0
    second = MemoryParts(like=first)
    for _ in range(10):
        try:
            (build_id,) = second.event(SpecDropped(KEY)).builds
            break
        except BoatyardError as error:
            assert error.meaning.retryable and "claimed" in error.detail
            second.clock.sleep(10)
    else:
        raise AssertionError(f"the event is refused forever after a death at call {calls}")
    held = BucketLedger(second.bucket).get(build_id)
    assert second.started == [build_id] and held, calls
    assert held.record.execution == second.service.execution(build_id), "the one that works is known"
    assert result(second)["id"] == build_id
    assert [name for _, name in BucketLedger(second.bucket).open()] == [build_id]
    assert len(list(second.bucket.keys(keys.BUILT))) == 1, "a push of its base rebuilds it"
    return died
