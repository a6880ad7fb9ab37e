"""A deployment's policy allows callers only what it names."""

import pytest

from boatyard.attempts import Join, Start, decide
from boatyard.build import Build, State
from boatyard.errors import BoatyardError
from boatyard.policy import allow, narrow
from boatyard.ports import Scope
from boatyard.settings import Access, Caller, Limits, Settings
from tests.core.orders import pip, plan


def refused(settings: Settings, **fields: object) -> str:
    with pytest.raises(BoatyardError) as error:
        plan(pip("six"), settings=settings, **fields)
    return error.value.code


def test_projects_and_registries_outside_the_policy_are_forbidden() -> None:
    assert refused(Settings(default_repository="r.example/i", access=Access(projects=("ml/*",)))) == "FORBIDDEN"
    assert refused(Settings(default_repository="r.example/i", access=Access(registries=("ghcr.io/*",)))) == "FORBIDDEN"
    allowed = Access(projects=("default/dev*",), registries=("r.example/*",))
    assert plan(pip("six"), settings=Settings(default_repository="r.example/i", access=allowed))


ML = "arn:aws:sts::123456789012:assumed-role/ml-engineers/ada"


def code(access: Access, caller: str, scope: str) -> str:
    try:
        allow(narrow(access, caller), Scope(*scope.split("/")))
    except BoatyardError as error:
        return error.code
    return "allowed"


def test_a_policy_without_callers_takes_whoever_the_edge_lets_in() -> None:
    assert code(Access(), "", "ml/prod") == code(Access(), ML, "ml/prod") == "allowed"


def test_a_caller_has_what_the_entries_that_match_it_have_together() -> None:
    access = Access(
        projects=("ml/*", "web/*"),
        callers=(
            Caller(match="arn:aws:sts::123456789012:assumed-role/ml-*", projects=("ml/*",)),
            Caller(match="*/ada", projects=("web/dev", "ops/dev")),
            Caller(match="arn:aws:iam::123456789012:role/admin"),
        ),
    )
    assert code(access, ML, "ml/prod") == "allowed"
    assert code(access, ML, "web/dev") == "allowed"
    assert code(access, ML, "web/prod") == "FORBIDDEN"
    assert code(access, ML, "ops/dev") == "FORBIDDEN", "the deployment's own list holds for all"
    assert code(access, "arn:aws:iam::123456789012:role/admin", "web/prod") == "allowed"
    assert code(access, "arn:aws:iam::999999999999:role/admin", "ml/prod") == "FORBIDDEN"
    assert code(access, "", "ml/prod") == "UNAUTHENTICATED"


def test_too_many_layers_are_refused() -> None:
    assert refused(Settings(default_repository="r.example/i", limits=Limits(layers=0))) == "INVALID_SPEC"


def build(state: State, *, finished_at: float | None = None) -> Build:
    return Build(
        id="t-3", key="k", attempt=3, target="r.example/i", project="p", domain="d",
        platforms=("linux/amd64",), state=state, created_at=0, finished_at=finished_at,
    )  # fmt: skip


@pytest.mark.parametrize("state", [State.PENDING, State.QUEUED, State.RUNNING])
@pytest.mark.parametrize("force", [False, True])
def test_a_build_under_way_is_joined(state: State, force: bool) -> None:
    assert decide(build(state), now=9, hold_seconds=60, force=force) == Join(build(state))


@pytest.mark.parametrize(
    ("state", "age", "force", "starts"),
    [
        (State.FAILED, 59, False, False),
        (State.FAILED, 61, False, True),
        (State.FAILED, 1, True, True),
        (State.TIMED_OUT, 1, False, False),
        (State.ERRORED, 1, False, True),
        (State.CANCELLED, 1, False, True),
        (State.SUCCEEDED, 1, False, True),
    ],
)
def test_a_failure_is_held_and_anything_else_is_tried_again(
    state: State, age: float, force: bool, starts: bool
) -> None:
    ended = build(state, finished_at=1000)
    decision = decide(ended, now=1000 + age, hold_seconds=60, force=force)
    assert decision == (Start(4) if starts else Join(ended))


def test_the_first_attempt_is_1() -> None:
    assert decide(None, now=0, hold_seconds=60, force=False) == Start(1)
