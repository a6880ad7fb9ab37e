"""Retries, with a fake clock."""

import pytest

from boatyard.api.messages import Problem
from boatyard_client.errors import ApiError, ClientError, ConnectionFailedError, ProtocolError
from boatyard_client.retry import Patience, persist


class Time:
    def __init__(self) -> None:
        self.passed = 0.0
        self.pauses: list[float] = []

    def now(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.passed += seconds


def api(code: str = "REGISTRY_UNAVAILABLE", *, retryable: bool = True, after: float | None = None) -> ApiError:
    problem = Problem(type="", title="", status=502, detail="d", code=code, retryable=retryable, advice="a")
    return ApiError(problem, retry_after_seconds=after)


def ask(errors: list[Exception], patience: Patience) -> tuple[Time, str | Exception]:
    time = Time()
    waiting = iter(errors)

    def call() -> str:
        error = next(waiting, None)
        if error is not None:
            raise error
        return "answer"

    try:
        return time, persist(call, patience, sleep=time.sleep, now=time.now)
    except (ApiError, ClientError) as error:
        return time, error


def test_pauses_grow_and_have_an_end() -> None:
    time, found = ask([api() for _ in range(50)], Patience(seconds=30))
    assert isinstance(found, ApiError) and time.passed <= 30
    assert time.pauses[0] < 0.4 and all(pause <= 6 for pause in time.pauses) and 6 <= len(time.pauses) <= 15


def test_an_answer_ends_the_asking() -> None:
    time, found = ask([api(), ConnectionFailedError("broke")], Patience(seconds=30))
    assert found == "answer" and len(time.pauses) == 2


def test_a_retry_after_is_kept_to_and_bounded_by_patience() -> None:
    assert ask([api(after=7)], Patience(seconds=10))[0].pauses == [7]
    time, found = ask([api(after=11)], Patience(seconds=10))
    assert isinstance(found, ApiError) and time.pauses == []


@pytest.mark.parametrize(
    "error",
    [
        api(retryable=False),
        api("CONTEXT_MISSING"),
        api("DISK_FULL"),
        ProtocolError("not Boatyard"),
        ConnectionFailedError("refused", absent=True),
    ],
)
def test_what_waiting_cannot_mend_is_raised_at_once(error: Exception) -> None:
    time, found = ask([error], Patience(seconds=30))
    assert found is error and time.pauses == []


def test_a_server_that_is_restarted_is_waited_for_when_asked_to() -> None:
    errors: list[Exception] = [ConnectionFailedError("refused", absent=True)] * 3
    assert ask(errors, Patience(seconds=30, absent=True))[1] == "answer"
