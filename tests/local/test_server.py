"""The server as a process: one a state folder, killed and back again, stopped while callers wait."""

import http.client
import json
import os
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
from tests.local.servers import ROOT, ServerProcess

END_SECONDS = 2.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path / "state") as started:
        yield started


def wait(server: ServerProcess, build_id: str) -> dict[str, object]:
    def look() -> dict[str, object] | None:
        build: dict[str, object] = server.http.get(f"/v1/builds/{build_id}?wait=5").json()
        return build if build["state"] not in ("QUEUED", "RUNNING") else None

    return until(look)  # type: ignore[no-any-return]


def test_an_image_is_built_and_then_answered_from_the_registry(server: ServerProcess) -> None:
    answer = server.build(lines=["one", "two"])
    assert answer.status_code == 202
    build_id = answer.json()["id"]
    assert answer.headers["location"] == f"/v1/builds/{build_id}"
    build = wait(server, build_id)
    assert build["state"] == "SUCCEEDED"
    logs = server.http.get(f"/v1/builds/{build_id}/logs").json()
    assert logs["lines"] == ["one", "two"] and logs["done"]
    again = server.build(lines=["one", "two"])
    assert again.status_code == 200
    assert again.json()["cached"] and again.json()["image"] == build["image"]


def test_a_killed_server_still_tells_how_the_build_ended(server: ServerProcess) -> None:
    build_id = server.build(seconds=1.0, lines=["before"]).json()["id"]
    until(lambda: server.http.get(f"/v1/builds/{build_id}").json()["state"] == "RUNNING")
    server.kill()
    server.start()
    assert server.build(seconds=1.0, lines=["before"]).json()["joined"]
    build = wait(server, build_id)
    assert build["state"] == "SUCCEEDED"
    assert server.http.get(f"/v1/builds/{build_id}/logs").json()["lines"] == ["before"]


def test_a_build_that_ended_while_there_was_no_server_is_told_of(server: ServerProcess) -> None:
    build_id = server.build(seconds=0.4).json()["id"]
    folder = StateFolder(server.state).build(build_id)
    until((folder.path / "begun").exists)
    server.kill()
    until(folder.result.exists)
    server.start()
    build = wait(server, build_id)
    assert build["state"] == "SUCCEEDED"
    assert abs(float(str(build["finishedAt"])) - folder.result.stat().st_mtime) < 0.1


def test_fifty_equal_requests_start_one_build_and_all_get_its_image(server: ServerProcess) -> None:
    images: list[str] = []
    barrier = threading.Barrier(50)
    order = {"spec": {"dockerfile": '# stand-in: {"seconds": 0.5}\nFROM 127.0.0.1:5000/base:1\n'}}

    def ask() -> None:
        connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
        barrier.wait()
        connection.request("POST", "/v1/builds", json.dumps(order), {"content-type": "application/json"})
        build_id = json.load(connection.getresponse())["id"]
        connection.request("GET", f"/v1/builds/{build_id}?wait=20")
        images.append(json.load(connection.getresponse())["image"])
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(images) == 50 and len(set(images)) == 1
    assert len(server.http.get("/v1/builds").json()["builds"]) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_ends_at_once_though_callers_wait_and_their_builds_run(
    server: ServerProcess, number: signal.Signals
) -> None:
    build_id = server.build(seconds=5).json()["id"]
    answers: list[httpx.Response] = []

    def poll() -> None:
        answers.append(httpx.get(f"{server.url}/v1/builds/{build_id}?wait=30", timeout=40))

    threads = [threading.Thread(target=poll) for _ in range(20)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    asked = time.monotonic()
    assert server.stop(number) == 0
    assert time.monotonic() - asked < END_SECONDS
    for thread in threads:
        thread.join()
    assert [answer.json()["state"] for answer in answers] == ["RUNNING"] * 20
    assert not StateFolder(server.state).server.exists()
    pid = int(StateFolder(server.state).build(build_id).pid.read_text())
    os.kill(pid, signal.SIGKILL)


def test_hundreds_who_wait_do_not_keep_others_waiting(server: ServerProcess) -> None:
    build_id = server.build(seconds=3).json()["id"]
    waiting = []
    for _ in range(300):
        connection = socket.create_connection((httpx.URL(server.url).host, httpx.URL(server.url).port or 0))
        host = server.url.removeprefix("http://")
        connection.sendall(f"GET /v1/builds/{build_id}?wait=20 HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        waiting.append(connection)
    asked = time.monotonic()
    assert server.http.get("/healthz").status_code == 200
    assert time.monotonic() - asked < 1
    for connection in waiting:
        with connection:
            assert connection.recv(12) == b"HTTP/1.1 200"


def test_a_second_server_on_the_same_state_is_refused(server: ServerProcess) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.local.stand_in_server", str(server.state)],
        cwd=ROOT, capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    line = done.stderr.strip()
    assert "\n" not in line and "already runs" in line and server.url in line
    assert server.http.get("/healthz").status_code == 200


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
            assert not server_process.stop(tmp_path)
        assert other.poll() is None
        other.kill()


def test_it_binds_loopback_only(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.7", "example.com"):
        with pytest.raises(ServeError, match=r"127\.0\.0\.1"):
            serve(Settings(), tmp_path, host=host)


def test_a_port_in_use_is_said_so(server: ServerProcess, tmp_path: Path) -> None:
    with pytest.raises(ServeError, match="port 0 takes a free one"):
        serve(Settings(), tmp_path / "other", port=httpx.URL(server.url).port or 0)


def test_files_of_the_state_are_its_owners_alone(server: ServerProcess) -> None:
    secret = {"kind": "build", "value": "hunter2"}
    assert server.http.put("/v1/secrets/token", json=secret).status_code == 204
    build_id = server.build().json()["id"]
    wait(server, build_id)
    for path in server.state.rglob("*"):
        mode = path.stat().st_mode & 0o077
        own = path.parent.name == build_id and path.name not in ("job.json", "record.json")
        assert mode == 0 or own, path
    assert "hunter2" not in server.log
