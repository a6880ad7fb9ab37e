"""The connections below a lookup: reused, abandoned in time, through proxies, over TLS."""

import contextlib
import logging
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from boatyard.errors import BoatyardError
from boatyard.reference import Reference
from boatyard_registry import OciRegistry
from boatyard_registry.deadline import Deadline
from boatyard_registry.http_transport import HttpTransport
from boatyard_registry.origin import Origin, same_origin
from boatyard_registry.retries import Retries
from boatyard_registry.transport import Answer, Unreachable
from tests.registry.server import FakeRegistry, Fault

AMD64 = ("linux/amd64",)
Script = Callable[[socket.socket, int], None]


@pytest.fixture
def transport() -> Iterator[HttpTransport]:
    made = HttpTransport()
    yield made
    made.close()


class Server:
    """A server that calls a function for each connection, with the connection's number."""

    def __init__(self, script: Script) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._script = script
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.connections = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._handle, args=(connection, self.connections), daemon=True).start()

    def _handle(self, connection: socket.socket, number: int) -> None:
        with connection, contextlib.suppress(OSError):
            self._script(connection, number)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def serve() -> Iterator[Callable[[Script], Server]]:
    servers: list[Server] = []

    def start(script: Script) -> Server:
        servers.append(Server(script))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def get(transport: HttpTransport, address: str, *, limit: int = 1000, seconds: float = 10) -> Answer:
    return transport.send("GET", f"http://{address}/x", headers={}, limit=limit, deadline=Deadline(seconds))


def replies(connection: socket.socket, number: int) -> None:
    for _ in range(10):
        reply(connection)


def reply(connection: socket.socket, body: bytes = b"ok", head: bytes = b"") -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s" % (len(body), head, body))


def test_a_connection_is_used_again(transport: HttpTransport, serve: Callable[[Script], Server]) -> None:
    server = serve(replies)
    assert [get(transport, server.address).body for _ in range(5)] == [b"ok"] * 5
    assert server.connections == 1


def test_a_connection_that_the_server_closed_meanwhile_costs_no_answer(
    transport: HttpTransport, serve: Callable[[Script], Server]
) -> None:
    server = serve(lambda connection, _: reply(connection))
    assert get(transport, server.address).status == 200
    time.sleep(0.05)
    assert get(transport, server.address).status == 200
    assert server.connections == 2


def test_a_server_that_wants_to_close_is_not_asked_again_on_that_connection(
    transport: HttpTransport, serve: Callable[[Script], Server]
) -> None:
    def script(connection: socket.socket, _: int) -> None:
        reply(connection, head=b"Connection: close\r\n")
        time.sleep(1)

    server = serve(script)
    get(transport, server.address)
    get(transport, server.address)
    assert server.connections == 2


def test_a_body_is_sent_again_on_a_new_connection(transport: HttpTransport, serve: Callable[[Script], Server]) -> None:
    got: list[bytes] = []

    def script(connection: socket.socket, number: int) -> None:
        if number == 1:
            reply(connection)
            return
        data = b""
        while not data.endswith(b"piece2"):
            data += connection.recv(65536)
        got.append(data)
        connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")

    server = serve(script)
    get(transport, server.address)
    time.sleep(0.05)
    answer = transport.send(
        "POST",
        f"http://{server.address}/x",
        headers={},
        body=b"piece1piece2",
        limit=10,
        deadline=Deadline(5),
    )
    assert answer.status == 201
    assert got[0].endswith(b"piece1piece2")


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"", "broke"),
        (b"nonsense\r\n\r\n", "cannot be read"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "cannot be read"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "cannot be read"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "cannot be read"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300 + b"\r\n", "cannot be read"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", "cannot be read"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 2000, "more than"),
    ],
)
def test_answers_that_cannot_be_used(
    transport: HttpTransport, serve: Callable[[Script], Server], sent: bytes, why: str
) -> None:
    def script(connection: socket.socket, _: int) -> None:
        connection.recv(65536)
        connection.sendall(sent)

    with pytest.raises(Unreachable, match=why):
        get(transport, serve(script).address)


def test_chunks_are_put_together(transport: HttpTransport, serve: Callable[[Script], Server]) -> None:
    def script(connection: socket.socket, _: int) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")

    assert get(transport, serve(script).address).body == b"abcde"


def test_a_server_that_says_nothing_is_given_up(serve: Callable[[Script], Server]) -> None:
    server = serve(lambda connection, _: time.sleep(5))
    begin = time.monotonic()
    with pytest.raises(Unreachable, match="in time"):
        get(HttpTransport(), server.address, seconds=0.3)
    assert time.monotonic() - begin < 4.5


@pytest.mark.parametrize(
    "url", ["", "x", "ftp://h/x", "http://", "http://u:p@h/", "http://[x/", "http://h:99999/", "http://h:x/"]
)
def test_what_is_no_http_url_is_refused(transport: HttpTransport, url: str) -> None:
    with pytest.raises(Unreachable):
        transport.send("GET", url, headers={}, limit=10, deadline=Deadline(5))


def test_a_path_cannot_smuggle_a_header(transport: HttpTransport, serve: Callable[[Script], Server]) -> None:
    server = serve(lambda connection, _: reply(connection))
    with pytest.raises(Unreachable):
        transport.send("GET", f"http://{server.address}/a b\r\nX: y", headers={}, limit=10, deadline=Deadline(5))
    with pytest.raises(Unreachable):
        transport.send("GET", f"http://{server.address}/", headers={"x": "a\r\nb: c"}, limit=10, deadline=Deadline(5))


def test_nothing_of_a_url_or_an_answer_is_logged(
    transport: HttpTransport, serve: Callable[[Script], Server], caplog: pytest.LogCaptureFixture
) -> None:
    import urllib3

    caplog.set_level(logging.DEBUG)
    server = serve(lambda connection, _: reply(connection, head=b"no header at all\r\n"))
    url = f"http://{server.address}/blob?signature=s3cret"
    transport.send("GET", url, headers={}, limit=1000, deadline=Deadline(5))
    assert "s3cret" not in caplog.text
    urllib3.PoolManager(retries=False).request("GET", url)
    assert "s3cret" in caplog.text, "others who use the library log as they did"


def test_the_http_library_is_imported_by_the_first_request() -> None:
    program = "import sys, boatyard_registry as r; r.OciRegistry(); sys.exit(any(n in sys.modules for n in %r))"
    names = ("urllib3", "http.client", "urllib.request")
    subprocess.run([sys.executable, "-c", program % (names,)], check=True)


def test_origins() -> None:
    assert Origin.of("https://h/x") == Origin("https", "h", 443)
    assert same_origin("http://h", "http://H:80/y")
    assert not same_origin("http://h", "https://h")
    assert not same_origin("http://h", "http://h:81")
    assert not same_origin("http://h", "no url")


class TestProxies:
    @pytest.fixture(autouse=True)
    def proxied(self, fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
        fake.add_image("acme/image", "tag")
        monkeypatch.setenv("http_proxy", f"http://us%20er:pw@{fake.address}")
        self.registry = OciRegistry(insecure=["registry.invalid"], retries=Retries(attempts=1))

    def test_plain_http_goes_through_it(self, fake: FakeRegistry) -> None:
        assert self.registry.find(Reference.parse("registry.invalid/acme/image:tag"), AMD64)
        assert fake.seen[0].path.startswith("http://registry.invalid:80/v2/acme/image/")
        assert fake.seen[0].headers["proxy-authorization"] == "Basic dXMgZXI6cHc="

    def test_what_no_proxy_names_does_not(self, fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("no_proxy", ".invalid")
        with pytest.raises(BoatyardError, match="no such host"):
            self.registry.find(Reference.parse("registry.invalid/acme/image:tag"), AMD64)
        assert not fake.seen

    def test_this_machine_is_reached_without_it(self, fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("http_proxy", "http://proxy.invalid:1")
        registry = OciRegistry(insecure=[fake.address])
        assert registry.find(Reference.parse(f"{fake.address}/acme/image:tag"), AMD64)

    def test_tls_goes_through_a_tunnel(self, fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("https_proxy", f"http://u:p@{fake.address}")
        fake.faults = [Fault(status=403, method="CONNECT", times=9)]
        with pytest.raises(BoatyardError) as caught:
            OciRegistry(retries=Retries(attempts=1)).find(Reference.parse("registry.invalid/acme/image:tag"), AMD64)
        assert caught.value.code == "REGISTRY_UNAVAILABLE"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A file with the key and the self-signed certificate of 127.0.0.1 and registry.invalid."""
    program = shutil.which("openssl")
    assert program, "the tests need the openssl command"
    path = tmp_path / "server.pem"
    command = [program, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1,DNS:registry.invalid", "-days", "2"]
    subprocess.run([*command, "-keyout", path, "-out", tmp_path / "cert.pem"], check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + (tmp_path / "cert.pem").read_bytes())
    return path


@pytest.fixture
def secured(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


class TestTls:
    @pytest.fixture
    def server(self, secured: ssl.SSLContext, serve: Callable[[Script], Server]) -> Server:
        manifest = b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}'

        def script(connection: socket.socket, _: int) -> None:
            with secured.wrap_socket(connection, server_side=True) as secure:
                secure.recv(65536)
                secure.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n%s" % (len(manifest), manifest))

        return serve(script)

    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_a_proxy_gets_its_password_and_sees_nothing_of_the_request(
        self,
        server: Server,
        certificate: Path,
        secured: ssl.SSLContext,
        serve: Callable[[Script], Server],
        monkeypatch: pytest.MonkeyPatch,
        scheme: str,
    ) -> None:
        asked: list[bytes] = []
        passed: list[bytes] = []

        def pump(source: socket.socket, sink: socket.socket) -> None:
            with contextlib.suppress(OSError):
                while data := source.recv(65536):
                    passed.append(data)
                    sink.sendall(data)

        def script(connection: socket.socket, _: int) -> None:
            client = secured.wrap_socket(connection, server_side=True) if scheme == "https" else connection
            asked.append(client.recv(65536))
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            with socket.create_connection(("127.0.0.1", int(server.address.rpartition(":")[2]))) as registry:
                threading.Thread(target=pump, args=(registry, client), daemon=True).start()
                pump(client, registry)

        proxy = serve(script)
        monkeypatch.setenv("https_proxy", f"{scheme}://us%20er:pw@{proxy.address}")
        monkeypatch.setenv("no_proxy", "")
        registry = OciRegistry(ca_bundle=str(certificate.with_name("cert.pem")), retries=Retries(attempts=1))
        assert registry.find(Reference.parse("registry.invalid/acme/image:tag"), AMD64) is None
        assert asked[0].startswith(b"CONNECT registry.invalid:443 ")
        assert b"Basic dXMgZXI6cHc=" in asked[0]
        assert passed and b"acme" not in b"".join(passed)

    def test_a_proxy_that_speaks_tls_is_held_to_the_deadline(
        self,
        certificate: Path,
        secured: ssl.SSLContext,
        serve: Callable[[Script], Server],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def script(connection: socket.socket, _: int) -> None:
            with secured.wrap_socket(connection, server_side=True) as client:
                client.recv(65536)
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                for byte in b"\x16\x03\x03\x40\x00" + b"\0" * 100:
                    client.sendall(bytes([byte]))
                    time.sleep(0.05)

        monkeypatch.setenv("https_proxy", f"https://{serve(script).address}")
        monkeypatch.setenv("no_proxy", "")
        transport = HttpTransport(ca_bundle=str(certificate.with_name("cert.pem")))
        began = time.monotonic()
        with pytest.raises(Unreachable, match="in time"):
            transport.send("GET", "https://registry.invalid/", headers={}, limit=10, deadline=Deadline(0.5))
        assert time.monotonic() - began < 4.5

    def test_a_certificate_of_the_bundle_is_trusted(self, server: Server, certificate: Path) -> None:
        bundle = certificate.with_name("cert.pem")
        assert OciRegistry(ca_bundle=str(bundle)).find(Reference.parse(f"{server.address}/x:y"), AMD64) is None

    def test_any_other_is_not_and_the_setting_is_named(self, server: Server) -> None:
        with pytest.raises(BoatyardError, match="caBundle"):
            OciRegistry(retries=Retries(attempts=1)).find(Reference.parse(f"{server.address}/x:y"), AMD64)

    def test_a_bundle_that_is_not_there_is_named(self, server: Server) -> None:
        with pytest.raises(BoatyardError, match="/nowhere"):
            OciRegistry(ca_bundle="/nowhere", retries=Retries(attempts=1)).find(
                Reference.parse(f"{server.address}/x:y"), AMD64
            )
