"""Contexts over HTTP are complete, correct and in time, or refused."""

import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from boatyard_local.state import StateFolder
from tests.local.jobs import until
from tests.local.servers import ServerProcess

DATA = bytes(range(256)) * 20_000
SHA256 = hashlib.sha256(DATA).hexdigest()
ANNOUNCED = {"sha256": SHA256, "size": len(DATA)}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("uploads") / "state") as started:
        yield started


@pytest.fixture
def server(running: ServerProcess) -> Iterator[ServerProcess]:
    yield running
    for path in StateFolder(running.state).contexts.iterdir():
        path.unlink()


def announce(server: ServerProcess) -> str:
    answer = server.http.post("/v1/contexts", json=ANNOUNCED)
    assert answer.status_code == 201
    url: str = answer.json()["uploadUrl"]
    return url


def nothing_is_kept(server: ServerProcess) -> bool:
    return list(StateFolder(server.state).contexts.iterdir()) == []


def problem(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.status_code == status and answer.json()["code"] == code
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_upload_is_verified_and_kept(server: ServerProcess) -> None:
    assert server.http.put(announce(server), content=DATA).status_code == 201
    path = StateFolder(server.state).contexts / f"{SHA256}.tar.gz"
    assert path.read_bytes() == DATA
    assert server.http.post("/v1/contexts", json=ANNOUNCED).json()["exists"] is True


def test_it_may_come_in_chunks_and_again(server: ServerProcess) -> None:
    url = announce(server)
    for _ in range(2):
        pieces = iter([DATA[:1], DATA[1:70_000], DATA[70_000:]])
        assert server.http.put(url, content=pieces).status_code == 201


@pytest.mark.parametrize(
    "data", [DATA[:-1], DATA + b"x", b"y" * len(DATA), b"", DATA * 20], ids=["less", "more", "other", "none", "much"]
)
@pytest.mark.parametrize("chunked", [False, True])
def test_other_bytes_are_refused_and_nothing_is_kept(server: ServerProcess, data: bytes, chunked: bool) -> None:
    url = announce(server)
    problem(server.http.put(url, content=iter([data]) if chunked else data), 422, "CONTEXT_INVALID")
    assert nothing_is_kept(server)
    assert server.http.put(url, content=DATA).status_code == 201


@pytest.mark.parametrize(
    ("old", "new"),
    [("token=", "token=0"), ("size=", "size=1"), ("expires=", "expires=9"), (SHA256, "0" * 64), ("token", "tok")],
)
def test_a_url_that_was_changed_is_refused(server: ServerProcess, old: str, new: str) -> None:
    problem(server.http.put(announce(server).replace(old, new), content=DATA), 403, "FORBIDDEN")
    assert nothing_is_kept(server)


def test_tokens_of_any_kind_are_refused(server: ServerProcess) -> None:
    base = f"/contexts/{SHA256}"
    for query in ("", "?token=é&size=1&expires=1", "?size=x&expires=1&token=a", "?expires=1", f"?size={'9' * 5000}"):
        problem(server.http.put(base + query, content=b"x"), 403, "FORBIDDEN")
    problem(server.http.put("/contexts/../../etc/passwd", content=b"x"), 404, "NOT_FOUND")
    problem(server.http.put("/contexts/%2e%2e%2fserver.json", content=b"x"), 403, "FORBIDDEN")


def test_an_upload_that_breaks_leaves_nothing(server: ServerProcess) -> None:
    url = urlsplit(announce(server))
    with socket.create_connection((url.hostname, url.port)) as connection:
        head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: {len(DATA)}\r\n\r\n"
        connection.sendall(head.encode() + DATA[: len(DATA) // 2])
        until(lambda: not nothing_is_kept(server))
    until(lambda: nothing_is_kept(server))
    assert server.http.put(announce(server), content=DATA).status_code == 201


def test_a_server_that_is_killed_meanwhile_leaves_nothing_either(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "state") as server:
        before = announce(server)
        url = urlsplit(before)
        with socket.create_connection((url.hostname, url.port)) as connection:
            head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: {len(DATA)}\r\n\r\n"
            connection.sendall(head.encode() + DATA[: len(DATA) // 2])
            until(lambda: not nothing_is_kept(server))
            server.kill()
        server.start()
        assert nothing_is_kept(server)
        again = before.replace(url.netloc, urlsplit(server.url).netloc)
        assert server.http.put(again, content=DATA).status_code == 201, "the key is kept, and so is the URL"


def test_a_context_beyond_the_limit_is_refused_when_it_is_announced(server: ServerProcess) -> None:
    answer = server.http.post("/v1/contexts", json={"sha256": SHA256, "size": 3 * 1024**3})
    problem(answer, 413, "CONTEXT_TOO_LARGE")
