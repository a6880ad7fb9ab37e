"""No kind of request delays another, and a full room refuses requests with a reason."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from boatyard_local.web.rooms import Room
from boatyard_local.web.waits import Waits
from tests.api.site import SPEC
from tests.local.edge import Edge, edge
from tests.local.jobs import until

IMAGE = "/v1/images/registry.example.com/images/x:1"
QUICKLY = 2.0
"""Seconds; most of it for a busy machine."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Edge]:
    with edge(tmp_path) as started:
        yield started


def timed(call: Callable[[], object]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


def status(connection: socket.socket) -> int:
    return int(connection.recv(65536).split(b" ", 2)[1])


def test_look_ups_at_a_silent_registry_keep_nobody_else_waiting(server: Edge) -> None:
    waiting = [server.ask(IMAGE) for _ in range(150)]
    until(lambda: server.registry.asked >= 64)
    for path in ("/healthz", "/v1/capabilities", "/v1/builds", "/openapi.json"):
        assert timed(lambda path=path: server.http.get(path).raise_for_status()) < QUICKLY, path  # type: ignore[misc]
    assert timed(lambda: server.http.post("/v1/plans", json={"spec": SPEC}).raise_for_status()) < QUICKLY
    server.registry.go_on.set()
    for connection in waiting:
        assert status(connection) == 404
        connection.close()


@pytest.mark.parametrize("mode", ["navigate", "no-cors", "cors"])
def test_a_foreign_page_has_nothing_looked_up(server: Edge, mode: str) -> None:
    """An iframe navigates like a person, without a token."""
    page = {"sec-fetch-site": "cross-site", "sec-fetch-mode": mode, "sec-fetch-dest": "iframe"}
    answer = httpx.get(server.url + IMAGE, headers=page)
    assert answer.status_code in (401, 403) and server.registry.asked == 0


def test_no_thread_is_left_for_a_call_that_cannot_be_made(server: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr("boatyard_local.web.rooms.threading.Thread.start", none_left)
        for _ in range(40):
            assert server.http.get("/v1/builds").json()["code"] == "OVERLOADED"
    assert server.http.get("/v1/builds").status_code == 200


def test_a_room_that_is_full_says_when_to_come_again(server: Edge) -> None:
    server.app._look_ups = Room("look-ups", threads=2, line=3, seconds=30)
    waiting = [server.ask(IMAGE) for _ in range(5)]
    until(lambda: server.app._look_ups._line.taken == 3)
    answer = server.http.get(IMAGE)
    assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (503, "OVERLOADED", True)
    assert int(answer.headers["retry-after"]) > 0
    asked = server.http.post("/flyteidl2.imagebuilder.ImageService/GetImage", json={"id": {"name": "x:1"}})
    assert (asked.status_code, asked.json()["code"]) == (503, "unavailable")
    for connection in waiting:
        connection.close()


def test_who_waits_too_long_in_line_is_told_so(server: Edge) -> None:
    server.app._look_ups = Room("look-ups", threads=1, line=9, seconds=0.2)
    with server.ask(IMAGE):
        until(lambda: server.registry.asked)
        answer = server.http.get(IMAGE)
    assert (answer.status_code, answer.json()["code"]) == (503, "OVERLOADED")


def test_a_caller_that_is_gone_gives_its_place_to_another(server: Edge) -> None:
    room = server.app._look_ups = Room("look-ups", threads=1, line=4, seconds=30)
    with server.ask(IMAGE):
        until(lambda: server.registry.asked)
        gone = [server.ask(IMAGE) for _ in range(4)]
        until(lambda: room._line.taken == 4)
        for connection in gone:
            connection.close()
        until(lambda: room._line.taken == 0)
        server.registry.go_on.set()
    until(lambda: room._free._value == 1)
    assert server.registry.asked == 1, "what nobody waits for is not looked up"


def started(server: Edge) -> str:
    server.registry.go_on.set()
    build_id: str = server.http.post("/v1/builds", json={"spec": SPEC}).raise_for_status().json()["id"]
    return build_id


def test_hundreds_who_wait_cost_one_look_and_delay_nobody(server: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    build_id = started(server)
    before = threading.active_count()
    waiting = [server.ask(f"/v1/builds/{build_id}?wait=30") for _ in range(520)]
    until(lambda: server.app._waits._places.taken == 520)
    looks, found = [0], server.site.runner.status

    def counted(build_id: str) -> object:
        looks[0] += 1
        return found(build_id)

    monkeypatch.setattr(server.site.runner, "status", counted)
    assert max(timed(lambda: server.http.get("/healthz").raise_for_status()) for _ in range(5)) < QUICKLY
    time.sleep(1)
    assert 1 <= looks[0] < 60, "one watcher looks, not 520"
    assert threading.active_count() - before < 100
    server.site.runner.cancel(build_id)
    for connection in waiting:
        assert status(connection) == 200
        connection.close()
    until(lambda: not server.app._waits._watches and server.app._waits._places.taken == 0)


def test_waiting_ends_with_its_time_and_with_its_caller(server: Edge) -> None:
    build_id = started(server)
    assert 0.4 < timed(lambda: server.http.get(f"/v1/builds/{build_id}?wait=0.5").raise_for_status()) < QUICKLY
    assert timed(lambda: server.http.get(f"/v1/builds/{build_id}?wait=0").raise_for_status()) < QUICKLY
    with server.ask(f"/v1/builds/{build_id}/logs?wait=30"):
        until(lambda: server.app._waits._places.taken == 1)
    until(lambda: server.app._waits._places.taken == 0 and not server.app._waits._watches)
    assert server.http.get(f"/v1/builds/{build_id}?wait=31").status_code == 400
    assert server.http.get(f"/v1/builds/{'0' * 32}-9?wait=30").status_code == 404


def test_more_who_wait_than_there_are_places_are_refused(server: Edge) -> None:
    build_id = started(server)
    server.app._waits = Waits(server.app._look, most=1)
    with server.ask(f"/v1/builds/{build_id}?wait=30"):
        until(lambda: server.app._waits._places.taken == 1)
        answer = server.http.get(f"/v1/builds/{build_id}?wait=30")
        assert (answer.status_code, answer.json()["code"]) == (503, "OVERLOADED")
        assert server.http.get(f"/v1/builds/{build_id}").status_code == 200, "who does not wait is answered"
