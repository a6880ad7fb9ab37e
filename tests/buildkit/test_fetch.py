import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from boatyard.errors import BoatyardError
from boatyard_buildkit.fetch import fetch
from tests.buildkit.archives import announce
from tests.ports import free_port

DATA = b"archive" * 5000
removed: list[str] = []
"""Paths that were deleted, in any test."""


class Store(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        match self.path.partition("?")[0]:
            case "/whole":
                self._send(200, DATA)
            case "/longer":
                self._send(200, DATA + b"!")
            case "/short":
                self._send(200, DATA[:-10], announced=len(DATA))
            case "/moved":
                self.send_response(307)
                self.send_header("location", "/whole?signature=secret")
                self.send_header("content-length", "0")
                self.end_headers()
            case "/round":
                self.send_response(302)
                self.send_header("location", f"/round?{len(self.path)}-{self.path[-20:]}x")
                self.send_header("content-length", "0")
                self.end_headers()
            case "/away":
                self.send_response(302)
                self.send_header("location", "ftp://127.0.0.1:1/whole?signature=secret")
                self.send_header("content-length", "0")
                self.end_headers()
            case "/gone":
                self._send(404, b"")
            case _:
                self._send(503, b"")

    def do_DELETE(self) -> None:
        removed.append(self.path)
        self._send({"/whole": 204, "/gone": 404}.get(self.path.partition("?")[0], 503), b"")

    def _send(self, status: int, body: bytes, announced: int | None = None) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body) if announced is None else announced))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Store)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def refusal(url: str, tmp_path: Path, data: bytes = DATA) -> BoatyardError:
    with pytest.raises(BoatyardError) as caught:
        fetch(announce(data), url, tmp_path / "archive")
    assert "secret" not in str(caught.value)
    return caught.value


def test_from_a_file(tmp_path: Path) -> None:
    source = tmp_path / "a b.tar.gz"
    source.write_bytes(DATA)
    fetch(announce(DATA), source.as_uri(), tmp_path / "archive")
    assert (tmp_path / "archive").read_bytes() == DATA


def test_over_http(store: str, tmp_path: Path) -> None:
    fetch(announce(DATA), f"{store}/whole?signature=secret", tmp_path / "archive")
    assert (tmp_path / "archive").read_bytes() == DATA


def test_over_http_from_where_the_store_has_moved_it(store: str, tmp_path: Path) -> None:
    fetch(announce(DATA), f"{store}/moved?signature=secret", tmp_path / "archive")
    assert (tmp_path / "archive").read_bytes() == DATA


def test_no_redirect_leads_away_from_tls() -> None:
    from urllib.request import Request

    from boatyard_buildkit.fetch_http import _Redirects

    class Closed:
        def close(self) -> None:
            pass

    for location in ("http://store.example/x", "ftp://store.example/x", "file:///etc/passwd"):
        with pytest.raises(BoatyardError, match="redirects from https to"):
            _Redirects().redirect_request(Request("https://store.example/x"), Closed(), 302, "", {}, location)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/gone", "CONTEXT_MISSING"),
        ("/down", "DATAPLANE_UNAVAILABLE"),
        ("/round", "DATAPLANE_UNAVAILABLE"),
        ("/away", "DATAPLANE_UNAVAILABLE"),
        ("/longer", "CONTEXT_INVALID"),
        ("/short", "DATAPLANE_UNAVAILABLE"),
    ],
)
def test_what_the_store_does_wrong_has_a_code(store: str, path: str, code: str, tmp_path: Path) -> None:
    assert refusal(f"{store}{path}?signature=secret", tmp_path).code == code


def test_other_bytes_of_the_same_size_are_refused(store: str, tmp_path: Path) -> None:
    assert refusal(f"{store}/whole", tmp_path, DATA[::-1]).code == "CONTEXT_INVALID"


@pytest.mark.parametrize(
    ("where", "expected"),
    [("/whole", "it was removed"), ("/gone", "it was removed"), ("/down", "could not be removed")],
)
@pytest.mark.parametrize("data", [DATA[::-1], DATA[:-1], DATA + b"x"], ids=["other", "more", "less"])
def test_an_archive_that_is_refused_is_removed(
    store: str, tmp_path: Path, where: str, expected: str, data: bytes
) -> None:
    removed.clear()
    refusal_url = f"{store}{where}?signature=secret"
    with pytest.raises(BoatyardError, match=expected) as caught:
        fetch(announce(data), f"{store}/whole?signature=secret", tmp_path / "archive", refusal_url=refusal_url)
    assert caught.value.code == "CONTEXT_INVALID" and "secret" not in str(caught.value)
    assert removed == [f"{where}?signature=secret"]


def test_an_archive_that_is_right_or_cannot_be_read_is_not_removed(store: str, tmp_path: Path) -> None:
    removed.clear()
    fetch(announce(DATA), f"{store}/whole", tmp_path / "archive", refusal_url=f"{store}/whole")
    for path in ("/down", "/gone", "/short"):
        with pytest.raises(BoatyardError):
            fetch(announce(DATA), f"{store}{path}", tmp_path / path[1:], refusal_url=f"{store}/whole")
    assert removed == []


def test_a_store_of_refused_archives_that_is_down(store: str, tmp_path: Path) -> None:
    with pytest.raises(BoatyardError, match="could not be removed"):
        fetch(announce(DATA[::-1]), f"{store}/whole", tmp_path / "a", refusal_url="http://127.0.0.1:1/x")


def test_a_store_that_is_down(tmp_path: Path) -> None:
    assert refusal(f"http://127.0.0.1:{free_port()}/x?signature=secret", tmp_path).code == "DATAPLANE_UNAVAILABLE"


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    assert refusal((tmp_path / "nope").as_uri(), tmp_path).code == "CONTEXT_MISSING"


@pytest.mark.parametrize("url", ["ftp://host/x", "/etc/passwd", ""])
def test_no_other_scheme_is_followed(url: str, tmp_path: Path) -> None:
    assert refusal(url, tmp_path).code == "CONTEXT_INVALID"
