"""The limits of a connection: bytes and seconds of a head, of a body, and of an unread answer."""

import hashlib
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from boatyard_local.web.body import Pace
from boatyard_local.web.protocol import HEAD_BYTES, BoundedProtocol
from boatyard_local.web.rooms import Places
from tests.local.edge import BEARER, Edge, edge
from tests.local.jobs import until

SECONDS = 0.6


class Hasty(BoundedProtocol):
    head_seconds = SECONDS
    unread_seconds = SECONDS
    most_connections = 40


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Edge]:
    with edge(tmp_path, Hasty, Pace(silence=SECONDS, start=2 * SECONDS, rate=1024)) as started:
        started.registry.go_on.set()
        yield started


def ends(connection: socket.socket, within: float = 10) -> bytes:
    """Returns what arrives until the server closes the connection. Fails if it does not."""
    connection.settimeout(within)
    read = b""
    with suppress(ConnectionError):
        while piece := connection.recv(65536):
            read += piece
    return read


def test_a_silent_connection_ends(server: Edge) -> None:
    with server.connect() as connection:
        assert ends(connection) == b""
    assert server.http.get("/healthz").status_code == 200


@pytest.mark.parametrize("before", [b"", b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n"], ids=["new", "kept"])
def test_a_head_that_drips_ends(server: Edge, before: bytes) -> None:
    with server.connect() as connection:
        if before:
            connection.sendall(before.replace(b"PORT", str(server.port).encode()))
            connection.recv(65536)
        began = time.monotonic()
        with suppress(ConnectionError):
            for byte in b"GET /healthz HTTP/1.1\r\nX-Drip: " + b"x" * 10_000:
                connection.sendall(bytes([byte]))
                time.sleep(SECONDS / 20)
        assert time.monotonic() - began < 10 * SECONDS


def test_a_head_without_end_is_refused_in_bounded_memory(server: Edge) -> None:
    with server.connect() as connection:
        sent = 0
        with suppress(ConnectionError):
            connection.sendall(b"GET / HTTP/1.1\r\nX-Endless: ")
            for _ in range(2_000):
                connection.sendall(b"x" * 65536)
                sent += 65536
        assert sent < 64 * HEAD_BYTES + 8 * 1024**2, "the kernel's buffers and not more"
        assert ends(connection)[:12] in (b"", b"HTTP/1.1 400")


def test_pipelined_requests_are_answered_in_turn_and_not_heaped_up(server: Edge) -> None:
    request = server.head("/v1/capabilities") + b"\r\n"
    with server.connect() as connection:
        connection.setblocking(False)
        sent = 0
        blocked_since = time.monotonic()
        # Nothing is read here: so the server has to stop reading, too.
        while time.monotonic() - blocked_since < SECONDS and sent < 512 * 1024**2:
            try:
                sent += connection.send(request * 500)
                blocked_since = time.monotonic()
            except BlockingIOError:
                time.sleep(0.01)
            except ConnectionError:
                break
        assert sent < 64 * 1024**2
    assert server.http.get("/healthz").status_code == 200


def test_many_pipelined_requests_that_are_read_are_all_answered(server: Edge) -> None:
    with server.connect() as connection:
        last = server.head("/healthz", "GET", "Connection: close") + b"\r\n"
        connection.sendall((server.head("/healthz") + b"\r\n") * 200 + last)
        assert ends(connection).count(b"HTTP/1.1 200 ") == 201


@pytest.mark.parametrize("drip", [False, True])
def test_a_body_that_comes_too_slowly_is_refused(server: Edge, drip: bool) -> None:
    with server.connect() as connection:
        connection.sendall(
            server.head("/v1/plans", "POST", "Content-Type: application/json", "Content-Length: 10000") + b"\r\n"
        )
        if drip:
            with suppress(ConnectionError):
                for _ in range(100):
                    connection.sendall(b" ")
                    time.sleep(SECONDS / 10)
        answer = ends(connection)
    assert (answer.startswith(b"HTTP/1.1 408 ") and b"REQUEST_TIMEOUT" in answer) or (drip and answer == b"")


def test_an_upload_that_stops_is_refused_and_leaves_nothing(server: Edge, tmp_path: Path) -> None:
    data = b"x" * 1000
    announced = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    made = server.app._uploads._contexts.upload(announced["sha256"], len(data))  # type: ignore[arg-type]
    path = made.upload_url.removeprefix(server.url)
    with server.connect() as connection:
        connection.sendall(server.head(path, "PUT", "Content-Length: 1000") + b"\r\n" + data[:10])
        until(lambda: server.app._uploads._places.taken == 1)
        assert ends(connection).startswith(b"HTTP/1.1 408 ")
    until(lambda: server.app._uploads._places.taken == 0)
    assert list((tmp_path / "contexts").iterdir()) == []


def test_bodies_of_all_requests_share_one_bound(server: Edge) -> None:
    server.app._memory = Places("bytes of request bodies", 10_000)
    head = server.head("/v1/plans", "POST", "Content-Type: application/json", "Content-Length: 9000") + b"\r\n"
    with server.connect() as first:
        first.sendall(head + b" " * 8000)
        until(lambda: server.app._memory.taken == 8000)
        answer = server.http.post("/v1/plans", content=b" " * 3000, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (503, "OVERLOADED")
    until(lambda: server.app._memory.taken == 0)
    answer = server.http.post("/v1/plans", content=b" " * 3000, headers={"content-type": "application/json"})
    assert answer.status_code == 400


def test_an_answer_that_nobody_reads_ends(server: Edge) -> None:
    with server.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        connection.setblocking(False)
        request = server.head("/openapi.json") + b"\r\n"
        with suppress(BlockingIOError, ConnectionError):
            for _ in range(2_000):
                connection.send(request)
        own = connection.getsockname()
        until(lambda: own not in [made.client for made in server.server.server_state.connections])


def test_more_connections_than_allowed_are_told_so(server: Edge) -> None:
    server.http.close()
    open_ones: list[socket.socket] = []
    try:
        for _ in range(Hasty.most_connections + 5):
            open_ones.append(server.connect())
        answers = [ends(connection) for connection in open_ones]
    finally:
        for connection in open_ones:
            connection.close()
    assert sum(answer.startswith(b"HTTP/1.1 503 ") and b"retry-after" in answer for answer in answers) >= 5
    with server.connect() as connection:
        connection.sendall(server.head("/healthz", "GET", "Connection: close") + b"\r\n")
        assert ends(connection).startswith(b"HTTP/1.1 200 ")


def test_what_strangers_send_fills_no_log(server: Edge, caplog: pytest.LogCaptureFixture) -> None:
    for text in (b"\0\r\n\r\n", b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"):
        with server.connect() as connection:
            connection.sendall(text)
            ends(connection)
    assert not caplog.records and BEARER
