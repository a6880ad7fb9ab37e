"""A state folder has one server, and observers never see a server that does not run."""

import json
import threading
from pathlib import Path

import pytest

from boatyard_local import server_process
from boatyard_local.locks import is_held
from boatyard_local.state import StateFolder

ROUNDS = 600


@pytest.fixture
def looking(tmp_path: Path) -> "Looking":
    return Looking(StateFolder(tmp_path))


class Looking:
    """Other processes that check all the time whether a server runs."""

    def __init__(self, state: StateFolder) -> None:
        self.state = state
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._look) for _ in range(3)]

    def _look(self) -> None:
        while not self._end.is_set():
            is_held(self.state.server_lock)

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *error: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()


def test_a_look_never_keeps_a_server_from_starting(looking: Looking) -> None:
    """A look used to take the lock for an instant, and a start at that moment reported a server that does not run."""
    with looking:
        for _ in range(ROUNDS):
            with server_process.claim(looking.state):
                pass


def test_two_who_look_do_not_see_each_other(tmp_path: Path, looking: Looking) -> None:
    with server_process.claim(looking.state):
        assert is_held(looking.state.server_lock)
    with looking:
        assert not any(is_held(looking.state.server_lock) for _ in range(ROUNDS))


def test_a_second_server_is_refused_while_the_first_one_runs(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    with (
        server_process.claim(state),
        pytest.raises(server_process.AlreadyServed, match="already runs"),
        server_process.claim(state),
    ):
        pass


def test_the_record_of_a_server_that_was_killed_is_gone_with_the_next_claim(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    state.server.write_text(json.dumps({"url": "http://127.0.0.1:1", "pid": 1, "started": "1", "version": ""}))
    with server_process.claim(state):
        assert not state.server.exists() and server_process.find(state) is None
