"""A whole lookup has one deadline, and a dead registry does not delay lookups in others."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from boatyard.errors import BoatyardError
from boatyard.reference import Reference
from boatyard_registry import OciRegistry, names
from boatyard_registry.deadline import Deadline, OutOfTime
from boatyard_registry.gates import Gates, Shut
from boatyard_registry.origin import Origin
from boatyard_registry.retries import Retries
from tests.registry.conftest import Lookup, Passwords
from tests.registry.server import OCI_INDEX, OCI_MANIFEST, FakeRegistry, Fault, running
from tests.registry.test_transport import AMD64, Script, Server

SECONDS = 0.6
"""Of a look-up in these tests. Nothing may take much longer, whatever it waits for."""
LATE = 4
"""Less than what the servers here would take, and more than a loaded machine adds."""
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"


@pytest.fixture
def serve() -> Iterator[Callable[[Script], Server]]:
    servers: list[Server] = []

    def start(script: Script) -> Server:
        servers.append(Server(script))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def lookup_at(address: str, seconds: float = SECONDS) -> OciRegistry:
    return OciRegistry(insecure=[address], timeout_seconds=seconds, retries=Retries(first_pause_seconds=0.001))


def refused(registry: OciRegistry, address: str, name: str = "acme/image:tag") -> tuple[float, str]:
    """The seconds until the error, and its text."""
    began = time.monotonic()
    with pytest.raises(BoatyardError) as caught:
        registry.find(Reference.parse(f"{address}/{name}"), AMD64)
    assert caught.value.code == "REGISTRY_UNAVAILABLE"
    return time.monotonic() - began, caught.value.detail


def dripping(data: bytes, pause: float) -> Script:
    """Sends a byte at a time: each arrives before a timeout that restarts with every read."""

    def script(connection: socket.socket, _: int) -> None:
        connection.recv(65536)
        for byte in data:
            connection.sendall(bytes([byte]))
            time.sleep(pause)

    return script


class TestOneDeadline:
    @pytest.mark.parametrize(
        "script",
        [
            lambda connection, _: time.sleep(5),
            dripping(HEAD + b"x" * 100, 0.05),
            dripping(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200, 0.05),
            dripping(b"HTTP/1.1 100 Continue\r\n\r\n" * 20, 0.02),
            dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 50, 0.02),
        ],
        ids=["silent", "drips", "drips headers", "drips interim answers", "drips chunks"],
    )
    def test_a_server_that_holds_on_is_given_up(self, serve: Callable[[Script], Server], script: Script) -> None:
        server = serve(script)
        seconds, words = refused(lookup_at(server.address), server.address)
        assert seconds < LATE
        assert "in time" in words

    def test_a_listener_that_takes_no_connection(self) -> None:
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            address = f"127.0.0.1:{full.getsockname()[1]}"
            waiting = [socket.socket() for _ in range(3)]
            for each in waiting:
                each.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    each.connect(full.getsockname())
            seconds, _ = refused(lookup_at(address), address)
            for each in waiting:
                each.close()
        assert seconds < LATE

    def test_a_handshake_that_does_not_end(self, serve: Callable[[Script], Server]) -> None:
        server = serve(dripping(b"\x16\x03\x03\x40\x00" + b"\0" * 100, 0.05))
        registry = OciRegistry(timeout_seconds=SECONDS)
        seconds, words = refused(registry, server.address)
        assert seconds < LATE and "in time" in words

    def test_a_name_server_that_is_silent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = threading.Semaphore(0)
        answer = threading.Event()

        def silent(host: str, *_: object, **__: object) -> list[object]:
            if host != "registry.invalid":
                raise socket.gaierror
            asked.release()
            answer.wait(10)
            return []

        monkeypatch.setattr(names, "_resolve", lambda host, port, flags: silent("" if flags else host))
        began = time.monotonic()
        with ThreadPoolExecutor(4) as pool:
            asking = [pool.submit(names.addresses, "registry.invalid", 443, Deadline(0.2)) for _ in range(4)]
            assert all(isinstance(each.exception(), OutOfTime) for each in asking)
        assert time.monotonic() - began < LATE
        assert asked.acquire(timeout=1) and not asked.acquire(blocking=False), "equal names are asked once"
        answer.set()
        for _ in range(100):
            if not names._asking:
                break
            time.sleep(0.02)
        assert not names._asking, "a name is remembered forever"

    @pytest.mark.parametrize("status", [503, 307, 401])
    def test_retries_redirects_and_tokens_are_within_it(
        self, fake: FakeRegistry, lookup: Lookup, login: Passwords, image: Reference, status: int
    ) -> None:
        """Each answer is slow but in time; all together are too late."""
        fake.auth = "bearer" if status == 401 else ""
        fake.delay = 0.25
        headers = {"location": "/v2/acme/image/manifests/tag"} if status == 307 else {}
        fake.faults = [Fault(status=status, headers=headers, times=99)] if status != 401 else []
        registry = lookup(timeout_seconds=SECONDS, keychain=login, retries=Retries(attempts=99))
        seconds, _ = refused(registry, fake.address)
        assert seconds < LATE

    def test_children_of_an_index_are_within_it(self, fake: FakeRegistry, lookup: Lookup, image: Reference) -> None:
        fake.add_index("acme/image", "tag", tuple(f"linux/p{number}" for number in range(12)))
        fake.delay = 0.2
        began = time.monotonic()
        with pytest.raises(BoatyardError):
            lookup(timeout_seconds=SECONDS).find(image, ())
        assert time.monotonic() - began < LATE

    def test_an_answer_that_costs_much_to_read_is_not_read(self, serve: Callable[[Script], Server]) -> None:
        def script(connection: socket.socket, _: int) -> None:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            with contextlib.suppress(OSError):
                while True:
                    connection.sendall(b"1\r\nx\r\n" * 10_000)

        server = serve(script)
        began = time.thread_time()
        refused(lookup_at(server.address, 20), server.address)
        assert time.thread_time() - began < 3

    def test_more_bytes_than_an_answer_may_have_are_not_received(self, serve: Callable[[Script], Server]) -> None:
        sent = 0

        def script(connection: socket.socket, _: int) -> None:
            nonlocal sent
            connection.recv(65536)
            with contextlib.suppress(OSError):
                while True:
                    connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 4_000)
                    sent += 100_000

        server = serve(script)
        refused(lookup_at(server.address, 20), server.address)
        assert sent < 60_000_000


class TestOneDeadRegistry:
    def test_others_are_answered_meanwhile_and_it_is_left_alone(
        self, serve: Callable[[Script], Server], fake: FakeRegistry, image: Reference
    ) -> None:
        server = serve(lambda connection, _: time.sleep(30))
        fake.add_image("acme/image", "tag")
        registry = OciRegistry(
            insecure=[server.address, fake.address], timeout_seconds=3, retries=Retries(first_pause_seconds=0.001)
        )
        with ThreadPoolExecutor(32) as pool:
            dead = [pool.submit(refused, registry, server.address, f"acme/image-{n}:tag") for n in range(32)]
            time.sleep(0.2)
            assert registry.find(image, AMD64)
            assert not all(each.done() for each in dead), "it waited for them"
            words = [each.result()[1] for each in dead]
        assert server.connections <= 8
        assert any("others wait" in each or "asked again" in each for each in words)
        seconds, told = refused(registry, server.address)
        assert seconds < 3 and "asked again in" in told

    def test_it_is_tried_by_one_when_it_was_left_alone_and_all_go_on_with_its_answer(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("boatyard_registry.gates._FAIR_SECONDS", 0)
        monkeypatch.setattr("boatyard_registry.gates._SHUT_SECONDS", 0.1)
        gates, origin, deadline = Gates(), Origin("https", "registry.example", 443), Deadline(20)
        with pytest.raises(TimeoutError), gates.through(origin, deadline):
            raise TimeoutError
        with pytest.raises(Shut, match="asked again"), gates.through(origin, deadline):
            pass
        time.sleep(0.15)
        with gates.through(origin, deadline), pytest.raises(Shut), gates.through(origin, deadline):
            pass
        with gates.through(origin, deadline), gates.through(origin, deadline):
            pass

    def test_a_silence_that_another_server_caused_shuts_nobody_out(self) -> None:
        gates, origin, deadline = Gates(), Origin("https", "registry.example", 443), Deadline(20)
        with pytest.raises(TimeoutError), gates.through(origin, deadline):
            raise TimeoutError  # immediately: the lookup's time was over before this call
        with gates.through(origin, deadline):
            pass

    def test_a_burst_at_a_registry_that_was_never_asked_is_answered_whole(
        self, fake: FakeRegistry, lookup: Lookup, image: Reference
    ) -> None:
        fake.add_image("acme/image", "tag")
        fake.delay = 0.05
        registry = lookup()
        with ThreadPoolExecutor(64) as pool:
            assert all(pool.map(lambda _: registry.find(image, AMD64), range(64)))

    def test_origins_are_forgotten(self) -> None:
        gates, deadline = Gates(), Deadline(20)
        for number in range(3_000):
            with gates.through(Origin("https", f"h{number}.example", 443), deadline):
                pass
        assert len(gates._gates) <= 1_024


class TestHostileIndexes:
    def test_fifteen_hundred_entries_are_one_request(
        self, fake: FakeRegistry, lookup: Lookup, image: Reference
    ) -> None:
        entries = [
            {"digest": f"sha256:{number:064x}", "size": 1, "platform": {"os": "linux", "architecture": f"a{number}"}}
            for number in range(1_500)
        ]
        fake.add_manifest("acme/image", "tag", {"manifests": entries}, OCI_INDEX)
        for platforms in ((), AMD64):
            fake.seen.clear()
            with pytest.raises(BoatyardError, match=r"an index of 1,500 entries; at most 256 are read"):
                lookup().find(image, platforms)
            assert len(fake.seen) == 1

    def test_an_index_of_more_images_than_anybody_builds_is_not_opened(
        self, fake: FakeRegistry, lookup: Lookup, image: Reference
    ) -> None:
        fake.add_index("acme/image", "tag", tuple(f"linux/p{number}" for number in range(100)))
        for platforms in (("linux/p7",), ()):
            fake.seen.clear()
            found = lookup().find(image, platforms)
            assert found and len(found.platforms) == 100 and len(fake.seen) == 1
            assert found.key is None, "whose the rest is, nobody knows"
        with pytest.raises(BoatyardError, match="100 images"):
            lookup().contents(image)

    @pytest.mark.parametrize("digest", ["../../../v2/", "sha256:x", "", "sha512:" + "a" * 128, "x?y=z", "a" * 10_000])
    def test_what_is_no_digest_becomes_no_path(
        self, fake: FakeRegistry, lookup: Lookup, image: Reference, digest: str
    ) -> None:
        descriptor = {"digest": digest, "size": 1, "platform": {"os": "linux", "architecture": "amd64"}}
        fake.add_manifest("acme/image", "index", {"manifests": [descriptor]}, OCI_INDEX)
        fake.add_manifest("acme/image", "image", {"config": descriptor, "layers": []}, OCI_MANIFEST)
        for tag in ("index", "image"):
            fake.seen.clear()
            with pytest.raises(BoatyardError, match="no sha256"):
                lookup().find(Reference(image.repository, tag), ())
            assert len(fake.seen) == 1


class TestHostileDocuments:
    NESTED = b'{"x":' + b"[" * 200_000

    def test_a_manifest_or_an_error_that_nests_without_end(
        self, fake: FakeRegistry, lookup: Lookup, image: Reference
    ) -> None:
        for status in (200, 404, 403, 400):
            fake.faults = [Fault(status=status, body=self.NESTED, times=99)]
            with pytest.raises(BoatyardError) as caught:
                lookup().find(image, AMD64)
            assert caught.value.code in ("REGISTRY_UNAVAILABLE", "REGISTRY_DENIED")

    def test_a_token_that_nests_without_end(
        self, fake: FakeRegistry, lookup: Lookup, login: Passwords, image: Reference
    ) -> None:
        fake.auth = "bearer"
        fake.faults = [Fault(status=200, body=self.NESTED, path="/token", times=99)]
        assert "without a token" in refused(lookup(keychain=login), fake.address)[1]

    def test_a_config_that_nests_without_end_is_no_image(
        self, fake: FakeRegistry, lookup: Lookup, image: Reference
    ) -> None:
        document = {"config": {"digest": fake.add_blob(self.NESTED), "size": 8}, "layers": []}
        fake.add_manifest("acme/image", "tag", document, OCI_MANIFEST)
        assert lookup().find(image, AMD64) is None

    def test_an_answer_that_is_packed_is_not_unpacked(
        self, fake: FakeRegistry, lookup: Lookup, image: Reference
    ) -> None:
        import gzip

        packed = gzip.compress(b'{"manifests": []' + b" " * 50_000_000 + b"}")
        fake.faults = [Fault(status=200, body=packed, headers={"content-encoding": "gzip"}, times=99)]
        assert "no manifest" in refused(lookup(), fake.address)[1]
        assert all("gzip" not in seen.headers.get("accept-encoding", "") for seen in fake.seen)

    def test_huge_labels_are_not_remembered(self, fake: FakeRegistry, lookup: Lookup, image: Reference) -> None:
        fake.add_image("acme/image", "tag", labels={"io.boatyard.key": "k" * 1_000_000, "x": "y" * 1_000_000})
        registry = lookup()
        found = registry.find(image, AMD64)
        assert found and found.key is None
        assert len(repr(registry._documents._facts._entries)) < 10_000

    def test_an_error_quotes_little_of_it(self, fake: FakeRegistry, lookup: Lookup, image: Reference) -> None:
        errors = [{"code": f"CODE_{'A' * 30}_{chr(65 + n % 26)}{chr(65 + n // 26)}"} for n in range(600)]
        fake.faults = [Fault(status=404, body=json.dumps({"errors": errors}).encode(), times=99)]
        assert len(refused(lookup(), fake.address)[1]) < 600


def test_idle_connections_end(serve: Callable[[Script], Server]) -> None:
    from boatyard_registry.connections import Connections
    from boatyard_registry.exchange import exchange

    ended = threading.Event()

    def script(connection: socket.socket, _: int) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        if not connection.recv(1):
            ended.set()

    url = f"http://{serve(script).address}/"
    connections = Connections(lambda: pytest.fail("no TLS here"), seconds=0.3)
    exchange(connections, Origin.of(url), "GET", url, {}, None, limit=10, deadline=Deadline(5))
    assert connections.opened == 1 and not ended.is_set()
    assert ended.wait(5), "nobody closed it"
    assert connections.opened == 0


def test_connections_that_are_let_go_meanwhile_cost_no_answer(serve: Callable[[Script], Server]) -> None:
    from boatyard_registry.connections import Connections
    from boatyard_registry.exchange import exchange

    def script(connection: socket.socket, _: int) -> None:
        while connection.recv(65536):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    url = f"http://{serve(script).address}/"
    connections = Connections(lambda: pytest.fail("no TLS here"), seconds=0.001)

    def ask(_: int) -> bytes:
        return exchange(connections, Origin.of(url), "GET", url, {}, None, limit=10, deadline=Deadline(10)).body

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(400))) == {b"ok"}


def test_kept_connections_are_few_whatever_origins_are_named(serve: Callable[[Script], Server]) -> None:
    from boatyard_registry.connections import Connections
    from boatyard_registry.exchange import exchange

    open_now = 0
    changed = threading.Condition()

    def script(connection: socket.socket, _: int) -> None:
        nonlocal open_now
        with changed:
            open_now += 1
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        connection.recv(1)
        with changed:
            open_now -= 1
            changed.notify_all()

    connections = Connections(lambda: pytest.fail("no TLS here"))
    for _ in range(200):
        url = f"http://{serve(script).address}/"
        exchange(connections, Origin.of(url), "GET", url, {}, None, limit=10, deadline=Deadline(5))
        assert connections.opened <= 64
    with changed:
        assert changed.wait_for(lambda: open_now <= 64, timeout=5)
    connections.close()
    with changed:
        assert changed.wait_for(lambda: open_now == 0, timeout=5)


def test_tokens_and_turns_are_forgotten() -> None:
    from boatyard_registry.kept import Kept, Turns

    kept: Kept[int, str] = Kept(10)
    for number in range(100):
        kept.put(number, "x", seconds=60)
    assert len(kept) == 10 and kept.get(99) == "x" and kept.get(0) is None
    kept.put(1, "y", seconds=0)
    assert kept.get(1) is None
    turns: Turns[int] = Turns()
    with turns.turn(1, Deadline(1)), pytest.raises(OutOfTime), turns.turn(1, Deadline(0.05)):
        pass
    assert len(turns) == 0


def test_pauses_are_within_what_is_left() -> None:
    retries = Retries(attempts=3, first_pause_seconds=0.2)
    assert retries.pause(1, asked=0, left=10, spread=0) == 0.1
    assert retries.pause(2, asked=0, left=10, spread=1) == 0.4
    assert retries.pause(1, asked=5, left=10, spread=1) == 5
    assert retries.pause(1, asked=5, left=5, spread=1) is None
    assert retries.pause(3, asked=0, left=10, spread=1) is None


def test_a_registry_that_was_slow_once_is_asked_again_at_once(lookup: Lookup) -> None:
    with running() as fake:
        fake.add_image("acme/image", "tag")
        registry = OciRegistry(insecure=[fake.address], timeout_seconds=0.3)
        fake.delay = 1
        refused(registry, fake.address)
        fake.delay = 0
        assert registry.find(Reference.parse(f"{fake.address}/acme/image:tag"), AMD64)
