"""HTTP requests: hosts, methods, bodies of any size and shape."""

import http.client
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.local.servers import ServerProcess


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    path: Path = tmp_path_factory.mktemp("http") / "state"
    with ServerProcess(path, limits={"requestBytes": 10_000}) as started:
        yield started


def port(server: ServerProcess) -> int:
    return httpx.URL(server.url).port or 0


def test_loopback_names_are_answered(server: ServerProcess) -> None:
    for name in ("127.0.0.1", "localhost", "[::1]", "LOCALHOST"):
        answer = server.http.get("/healthz", headers={"host": f"{name}:{port(server)}"})
        assert answer.status_code == 200, name


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "localhost:1", "", "127.0.0.1.evil.example:{port}"]
)
def test_other_names_are_refused(server: ServerProcess, host: str) -> None:
    answer = server.http.get("/v1/builds", headers={"host": host.format(port=port(server))})
    assert answer.status_code == 403 and answer.json()["code"] == "FORBIDDEN"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"},
    ],
)
def test_what_a_page_has_a_browser_send_is_refused(server: ServerProcess, headers: dict[str, str]) -> None:
    for method, path in (("POST", f"/v1/builds/{'0' * 32}-1/cancel"), ("GET", "/v1/images/127.0.0.1:1/x")):
        answer = server.http.request(method, path, headers=headers)
        assert answer.status_code == 403 and answer.json()["code"] == "FORBIDDEN"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://127.0.0.1:{port}", "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"},
        {"sec-fetch-site": "none", "sec-fetch-mode": "navigate"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
    ],
)
def test_people_may_look_with_a_browser(server: ServerProcess, headers: dict[str, str]) -> None:
    own = {name: value.format(port=port(server)) for name, value in headers.items()}
    assert server.http.get("/openapi.json", headers=own).status_code == 200


def raw(server: ServerProcess, text: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port(server))) as connection:
        connection.settimeout(5)
        connection.sendall(text)
        return connection.recv(65536)


def test_two_host_headers_or_none_are_refused(server: ServerProcess) -> None:
    own = f"Host: 127.0.0.1:{port(server)}\r\n".encode()
    both = raw(server, b"GET /healthz HTTP/1.1\r\nConnection: close\r\n" + own + b"Host: evil.example\r\n\r\n")
    none = raw(server, b"GET /healthz HTTP/1.0\r\n\r\n")
    assert b" 400 " in both.splitlines()[0] and b" 403 " in none.splitlines()[0]


def test_head_is_get_without_the_body(server: ServerProcess) -> None:
    get, head = server.http.get("/healthz"), server.http.head("/healthz")
    assert head.status_code == 200 and head.content == b""
    assert head.headers["content-length"] == get.headers["content-length"]
    assert server.http.head("/v1/plans").status_code == 405


def test_a_connection_is_kept_for_many_requests(server: ServerProcess) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port(server))
    connection.connect()
    first = connection.sock
    for _ in range(3):
        connection.request("GET", "/healthz")
        assert connection.getresponse().read() == b'{"status":"ok"}'
        assert connection.sock is first
    connection.close()


def test_a_chunked_request_is_read_like_any_other(server: ServerProcess) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"spec": {"dockerfile": '
        yield b'"FROM 127.0.0.1:5000/base:1"}}'

    answer = server.http.post("/v1/plans", content=pieces(), headers={"content-type": "application/json"})
    assert answer.status_code == 200 and answer.json()["key"]


@pytest.mark.parametrize("size", [10_001, 5_000_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_beyond_the_limit_is_refused_with_a_reason(server: ServerProcess, size: int, chunked: bool) -> None:
    body = b" " * size
    content = iter([body[i : i + 65536] for i in range(0, size, 65536)]) if chunked else body
    answer = server.http.post("/v1/plans", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 413 and answer.json()["code"] == "CONTEXT_TOO_LARGE"
    assert server.http.get("/healthz").status_code == 200


def test_a_huge_body_is_refused_before_it_is_read(server: ServerProcess) -> None:
    head = f"POST /v1/plans HTTP/1.1\r\nHost: 127.0.0.1:{port(server)}\r\nContent-Length: {10**15}\r\n"
    head += f"Authorization: {server.authorization}\r\n\r\n"
    assert b" 413 " in raw(server, head.encode()).splitlines()[0]


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/v1/builds/%2e%2e%2f", "/v1/images/%00", "/contexts/x", "//", "/%ff"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "TRACE"])
def test_whatever_is_asked_gets_a_problem_and_never_a_500(server: ServerProcess, method: str, path: str) -> None:
    answer = server.http.request(method, path)
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "garbage", [b"\0\0\0\0\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTQ/1.1\r\n\r\n", b"\x16\x03\x01\x02\0"]
)
def test_garbage_does_not_hurt(server: ServerProcess, garbage: bytes) -> None:
    assert b" 400 " in raw(server, garbage)
    assert server.http.get("/healthz").status_code == 200


def test_the_answer_names_no_software_and_is_not_stored(server: ServerProcess) -> None:
    answer = server.http.get("/v1/capabilities")
    assert "server" not in answer.headers and answer.headers["cache-control"] == "no-store"


def test_the_stock_builder_is_answered_in_protobuf(server: ServerProcess) -> None:
    from flyteidl2.imagebuilder import definition_pb2, payload_pb2  # type: ignore[import-untyped]

    message = payload_pb2.GetImageRequest(id=definition_pb2.ImageIdentifier(name="image:none"))
    answer = server.http.post(
        "/flyteidl2.imagebuilder.ImageService/GetImage",
        content=message.SerializeToString(),
        headers={"content-type": "application/proto"},
    )
    assert answer.status_code == 404 and answer.json()["code"] == "not_found"
