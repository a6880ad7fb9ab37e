"""The server as a process: one for each state folder, killed and restarted, stopped while callers wait."""

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from boatyard.settings import Settings
from boatyard_local import ServeError, serve, server_process
from boatyard_local.state import StateFolder
from tests.local.jobs import until
from tests.local.servers import ROOT, ServerProcess, bearer

END_SECONDS = 5.0
DIGEST = "sha256:" + "f" * 64


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server that the test may kill or stop."""
    with ServerProcess(tmp_path / "state") as started:
        yield started


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server for the tests that do not stop it."""
    with ServerProcess(tmp_path_factory.mktemp("shared") / "state", limits={"concurrentBuilds": 8}) as started:
        yield started


def wait(server: ServerProcess, build_id: str) -> dict[str, object]:
    def look() -> dict[str, object] | None:
        build: dict[str, object] = server.http.get(f"/v1/builds/{build_id}?wait=5").json()
        return build if build["state"] not in ("QUEUED", "RUNNING") else None

    return until(look)  # type: ignore[no-any-return]


def test_git_does_not_see_what_a_server_keeps(server: ServerProcess, tmp_path: Path) -> None:
    server.http.put("/v1/secrets/TOKEN", json={"kind": "build", "value": "private"}).raise_for_status()
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    seen = subprocess.run(
        ["git", "-C", str(tmp_path), "status", "--porcelain", "state"], capture_output=True, check=True
    )
    assert seen.stdout == b""


def test_an_image_is_built_and_then_answered_from_the_registry(shared: ServerProcess) -> None:
    answer = shared.build(1, lines=["one", "two"])
    assert answer.status_code == 202
    build_id = answer.json()["id"]
    assert answer.headers["location"] == f"/v1/builds/{build_id}"
    build = wait(shared, build_id)
    assert build["state"] == "SUCCEEDED"
    logs = shared.http.get(f"/v1/builds/{build_id}/logs").json()
    assert logs["lines"] == ["one", "two"] and logs["done"]
    again = shared.build(1, lines=["one", "two"])
    assert again.status_code == 200
    assert again.json()["cached"] and again.json()["image"] == build["image"]


def test_a_killed_server_still_tells_how_the_build_ended(server: ServerProcess) -> None:
    build_id = server.build().json()["id"]
    server.order(build_id, line="before")
    until(lambda: server.http.get(f"/v1/builds/{build_id}/logs").json()["lines"] == ["before"])
    server.kill()
    server.start()
    assert server.build().json()["joined"]
    server.order(build_id, line="after", result={"state": "SUCCEEDED", "digest": DIGEST})
    build = wait(server, build_id)
    assert build["state"] == "SUCCEEDED"
    assert server.http.get(f"/v1/builds/{build_id}/logs").json()["lines"] == ["before", "after"]


def test_a_build_that_ended_while_there_was_no_server_is_told_of(server: ServerProcess) -> None:
    build_id = server.build().json()["id"]
    folder = StateFolder(server.state).build(build_id)
    server.order(build_id, line="before")
    until(folder.log.exists)
    server.kill()
    server.order(build_id, result={"state": "SUCCEEDED", "digest": DIGEST})
    until(folder.result.exists)
    server.start()
    build = wait(server, build_id)
    assert build["state"] == "SUCCEEDED"
    assert abs(float(str(build["finishedAt"])) - folder.result.stat().st_mtime) < 0.1


def test_fifty_equal_requests_start_one_build_and_all_get_its_image(shared: ServerProcess) -> None:
    answers: list[tuple[str, str]] = []
    barrier = threading.Barrier(50)
    own = bearer(shared.state)
    order = {"spec": {"dockerfile": '# stand-in: {"seconds": 1.5}\nFROM 127.0.0.1:5000/base:1\n'}}

    def ask() -> None:
        connection = http.client.HTTPConnection(shared.url.removeprefix("http://"))
        connection.connect()
        barrier.wait()
        connection.request("POST", "/v1/builds", json.dumps(order), {"content-type": "application/json", **own})
        build_id = json.load(connection.getresponse())["id"]
        connection.request("GET", f"/v1/builds/{build_id}?wait=20", headers=own)
        answers.append((build_id, json.load(connection.getresponse())["image"]))
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 50 and len(set(answers)) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_ends_at_once_though_callers_wait_and_their_builds_run(
    server: ServerProcess, number: signal.Signals
) -> None:
    build_id = server.build().json()["id"]
    waiting = [server.ask(f"/v1/builds/{build_id}?wait=30") for _ in range(20)]
    server.http.get("/healthz")  # what was sent before has been read now
    time.sleep(0.5)
    asked = time.monotonic()
    assert server.stop(number) == 0
    assert time.monotonic() - asked < END_SECONDS
    for connection in waiting:
        with connection:
            answer = connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200") and b'"state":"' in answer
    assert not StateFolder(server.state).server.exists()
    assert StateFolder(server.state).build(build_id).result.exists() is False
    server.order(build_id, exit=0)


def test_hundreds_who_wait_do_not_keep_others_waiting(shared: ServerProcess) -> None:
    build_id = shared.build(300).json()["id"]
    waiting = [shared.ask(f"/v1/builds/{build_id}?wait=20") for _ in range(300)]
    asked = time.monotonic()
    assert shared.http.get("/healthz").status_code == 200
    assert time.monotonic() - asked < 10
    shared.order(build_id, result={"state": "SUCCEEDED", "digest": DIGEST})
    for connection in waiting:
        with connection:
            assert connection.recv(12) == b"HTTP/1.1 200"


def test_a_second_server_on_the_same_state_is_refused(shared: ServerProcess) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.local.stand_in_server", str(shared.state)],
        cwd=ROOT, capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    line = done.stderr.strip()
    assert "\n" not in line and "already runs" in line and shared.url in line
    assert shared.http.get("/healthz").status_code == 200


def test_the_state_is_free_again_after_a_kill(server: ServerProcess) -> None:
    server.kill()
    assert StateFolder(server.state).server.exists()
    assert server_process.find(StateFolder(server.state)) is None
    server.start()


def test_it_is_announced_while_it_runs_and_can_be_stopped(server: ServerProcess) -> None:
    state = StateFolder(server.state)
    info = server_process.find(state)
    assert info and info.url == server.url and info.pid == server.process.pid
    assert state.server.stat().st_mode & 0o777 == 0o600
    threading.Thread(target=server.process.wait, daemon=True).start()
    assert server_process.stop(server.state)
    assert server.process.wait(5) == 0
    assert not server_process.stop(server.state)


def test_a_pid_that_was_given_to_another_process_is_never_stopped(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        state = StateFolder(tmp_path)
        with server_process.claim(state):
            record = {"url": "http://127.0.0.1:1", "pid": other.pid, "started": "1", "version": ""}
            state.server.write_text(json.dumps(record))
            assert not server_process.stop(tmp_path, patience=0.3)
        assert other.poll() is None
        other.kill()


def test_it_binds_loopback_only(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.7", "example.com"):
        with pytest.raises(ServeError, match=r"127\.0\.0\.1"):
            serve(Settings(), tmp_path, host=host)


def test_a_port_in_use_is_said_so(shared: ServerProcess, tmp_path: Path) -> None:
    with pytest.raises(ServeError, match="port 0 takes a free one"):
        serve(Settings(), tmp_path / "other", port=httpx.URL(shared.url).port or 0)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_server_that_is_back_has_its_port_again(server: ServerProcess, number: signal.Signals) -> None:
    """A client that follows a build uses the address where it started it."""
    before = server.url
    server.process.send_signal(number)
    server.process.wait(10)
    server.start()
    assert server.url == before
    server.kill()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", httpx.URL(before).port or 0))
        other.listen()
        server.start()
        assert server.url != before


def test_files_of_the_state_are_its_owners_alone(shared: ServerProcess) -> None:
    secret = {"kind": "build", "value": "hunter2"}
    assert shared.http.put("/v1/secrets/token", json=secret).status_code == 204
    build_id = shared.build(2, seconds=0).json()["id"]
    wait(shared, build_id)
    for path in shared.state.rglob("*"):
        mode = path.stat().st_mode & 0o077
        own = path.parent.parent.name == "builds" and path.name not in ("job.json", "record.json")
        assert mode == 0 or own, path
    assert "hunter2" not in shared.log
