"""The programs that the doctor runs in the cluster, run for real: their reports are true."""

import base64
import json
import platform
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from boatyard.finding import Level
from boatyard.settings import Settings
from boatyard_kubernetes.certificates import certificate_secrets
from boatyard_kubernetes.doctor import sandbox
from boatyard_kubernetes.doctor.inside import place, program
from boatyard_kubernetes.doctor.seen import NODE, PLACE, NodeSeen, PlaceSeen
from boatyard_kubernetes.topology import host

HOST = host(0, Settings().kubernetes.buildkit_namespace)
SETTINGS_FRAME = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"


def look_at_node(folder: Path, *before: str) -> NodeSeen:
    out = folder / "said"
    command = [*before, sys.executable, "-c", program("node"), json.dumps({"out": str(out)})]
    subprocess.run(command, check=True, timeout=60)
    return NODE.decode(out.read_bytes())


def look_around(folder: Path, environment: dict[str, str], **order: Any) -> PlaceSeen:
    out = folder / "said"
    whole = {"out": str(out), "authentication": "noop", "addresses": [], "tls": "", "modules": [], "programs": []}
    command = [sys.executable, "-c", program("place"), json.dumps({**whole, **order})]
    subprocess.run(command, check=True, timeout=60, env={"PATH": "/usr/bin:/bin", **environment})
    return PLACE.decode(out.read_bytes())


def test_what_it_says_fits_a_termination_message(tmp_path: Path) -> None:
    seen = look_at_node(tmp_path)
    assert seen.kernel == platform.release()[:100] and seen.seccomp in (0, 2)
    look_around(tmp_path, {}, addresses=[["localhost", 1]] * 8, programs=["x" * 100])
    assert (tmp_path / "said").stat().st_size < 4096


def test_no_user_namespaces_left_is_seen_as_such(tmp_path: Path) -> None:
    """A process may lower the limit in its own user namespace; Bottlerocket has this limit on the whole node."""
    if subprocess.run(["unshare", "--user", "--map-root-user", "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody make user namespaces")
    lower = 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"'
    seen = look_at_node(tmp_path, "unshare", "--user", "--map-root-user", "sh", "-c", lower, "sh")
    assert seen.namespaces == 0 and seen.mount is None
    found = sandbox.judge(seen)[0]
    assert found.status is Level.FAIL and found.detail == "user.max_user_namespaces is 0 on the node"


_FILTER = """
import ctypes, os, struct, sys
number = {"x86_64": 272, "aarch64": 97}[os.uname().machine]
code = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000)]
bpf = b"".join(struct.pack("HBBI", *line) for line in code)
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Program(len(code), bpf)), 0, 0) == 0, os.strerror(ctypes.get_errno())
os.execv(sys.argv[1], sys.argv[1:])
"""
"""seccomp(2): unshare(2) is answered with EPERM, as the runtimes' default profiles do."""


def test_a_seccomp_filter_is_told_for_what_it_is(tmp_path: Path) -> None:
    seen = look_at_node(tmp_path, sys.executable, "-c", _FILTER)
    assert (seen.seccomp, seen.unshare, seen.no_new_privileges) == (2, 1, True)
    status = {finding.check: finding.status for finding in sandbox.judge(seen)}
    assert status["seccomp"] is Level.FAIL and status["privilege escalation"] is Level.FAIL
    assert status["apparmor"] is not Level.FAIL


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The certificates of two deployments, as mounted into pods."""
    folders = {}
    for deployment in ("ours", "theirs"):
        for name, secret in zip(("server", "client"), certificate_secrets(Settings(), ["a-b"]), strict=True):
            folder = tmp_path_factory.mktemp(f"{deployment}-{name}")
            for file, data in (secret.data or {}).items():
                (folder / file).write_bytes(base64.b64decode(data))
            folders[f"{deployment}-{name}"] = folder
    return folders


@contextmanager
def daemon(folder: Path | None, answer: bytes = SETTINGS_FRAME) -> Iterator[int]:
    """A server that answers each connection's first bytes with `answer`; with mutual TLS if `folder` is given."""
    context = None
    if folder:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder / "ca.pem"))
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        context.set_alpn_protocols(["h2"])
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            try:
                line = context.wrap_socket(line, server_side=True) if context else line
                assert line.recv(len(place.PREFACE)) == place.PREFACE
                line.sendall(answer)
            except (OSError, AssertionError):
                pass
            line.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces the cluster's DNS: the managed buildkitd's name resolves to this machine."""
    known = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda name, *rest, **more: known("127.0.0.1" if name == HOST else name, *rest, **more)
    )


def test_our_own_certificates_are_taken_on_both_sides(certificates: dict[str, Path], named: None) -> None:
    with daemon(certificates["ours-server"]) as port:
        seen = place.connect(HOST, port, str(certificates["ours-client"]))
        assert seen["stage"] == "" and ssl.cert_time_to_seconds(seen["expires"]) > 0


@pytest.mark.parametrize(
    ("server", "client", "answer", "stage"),
    [
        ("theirs-server", "ours-client", SETTINGS_FRAME, "server"),
        ("ours-server", "mixed", SETTINGS_FRAME, "client"),
        ("ours-server", "", SETTINGS_FRAME, "closed"),
        ("ours-server", "none", SETTINGS_FRAME, "files"),
        ("", "ours-client", SETTINGS_FRAME, "tls"),
        ("", "", b"HTTP/1.1 400 Bad Request\r\n\r\n", "protocol"),
        ("", "", b"", "closed"),
        ("", "", SETTINGS_FRAME, ""),
    ],
)
def test_where_the_way_to_a_buildkitd_ends(
    server: str, client: str, answer: bytes, stage: str, certificates: dict[str, Path], named: None, tmp_path: Path
) -> None:
    """`mixed` trusts the test's server, and presents a certificate of another authority."""
    (tmp_path / "ca.pem").write_bytes((certificates["ours-client"] / "ca.pem").read_bytes())
    for file in ("cert.pem", "key.pem"):
        (tmp_path / file).write_bytes((certificates["theirs-client"] / file).read_bytes())
    folders = {**certificates, "mixed": tmp_path, "none": tmp_path / "none"}
    with daemon(certificates[server] if server else None, answer) as port:
        seen = place.connect(HOST, port, str(folders[client]) if client else "")
    assert seen["stage"] == stage, seen


def test_names_and_ports_that_nobody_has() -> None:
    assert place.connect("buildkitd-0.nowhere.invalid", 1234, "")["stage"] == "name"
    with daemon(None) as port:
        pass
    assert place.connect("127.0.0.1", port, "")["stage"] == "connect"


def test_what_the_image_lacks_is_named(tmp_path: Path) -> None:
    seen = look_around(tmp_path, {}, modules=["json", "boatyard_nothing"], programs=["sh", "no-such-program"])
    assert seen.missing == ("boatyard_nothing", "no-such-program")


def test_irsa_is_a_token_that_can_be_read(tmp_path: Path) -> None:
    token = tmp_path / "token"
    variables = {"AWS_ROLE_ARN": "arn:aws:iam::1:role/b", "AWS_WEB_IDENTITY_TOKEN_FILE": str(token)}
    gone = look_around(tmp_path, variables, authentication="aws").identity
    assert gone and gone.kind == "irsa" and gone.problem == "No such file or directory"
    token.write_text("s3cr3t")
    there = look_around(tmp_path, variables, authentication="aws").identity
    assert there and there.role == "arn:aws:iam::1:role/b" and not there.problem
    assert "s3cr3t" not in (tmp_path / "said").read_text()
    nothing = look_around(tmp_path, {}, authentication="aws").identity
    assert nothing and nothing.kind == ""


@pytest.mark.parametrize("status", [200, 403])
def test_pod_identitys_agent_is_asked_and_not_quoted(status: int, tmp_path: Path) -> None:
    asked: list[str] = []

    class Agent(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers["Authorization"])
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b'{"SecretAccessKey": "s3cr3t"}' if status == 200 else b"not trusted")

        def log_message(self, format: str, *args: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Agent)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    (tmp_path / "token").write_text("of this pod")
    variables = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{server.server_port}/v1/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(tmp_path / "token"),
        "http_proxy": "http://127.0.0.1:9",
    }
    try:
        seen = look_around(tmp_path, variables, authentication="aws").identity
    finally:
        server.shutdown()
        server.server_close()
    assert seen and seen.kind == "pod-identity" and seen.agent == ("" if status == 200 else "403: not trusted")
    assert asked == ["of this pod"]
    said = (tmp_path / "said").read_text()
    assert "s3cr3t" not in said and "of this pod" not in said


def test_azure_is_a_token_and_a_client(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("x")
    variables = {"AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "token"), "AZURE_CLIENT_ID": "1-2"}
    seen = look_around(tmp_path, variables, authentication="azure").identity
    assert seen and (seen.kind, seen.role, seen.problem) == ("federated", "1-2", "")


def test_without_googles_metadata_server_it_says_so(tmp_path: Path) -> None:
    seen = look_around(tmp_path, {}, authentication="google").identity
    assert seen and bool(seen.problem) is not bool(seen.kind), "a machine of Google's has one"


@pytest.mark.parametrize("bound", [True, False])
def test_googles_metadata_server_is_asked_for_a_token_that_is_not_quoted(
    bound: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The e-mail is the annotation's, whether or not IAM lets the pod become that account."""
    asked: list[str] = []

    class Metadata(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.path} {self.headers['Metadata-Flavor']}")
            is_token = self.path.endswith("/token")
            self.send_response(200 if bound or not is_token else 403)
            self.end_headers()
            token = b'{"access_token": "s3cr3t"}' if bound else b"Unable to generate access token; IAM returned 403"
            self.wfile.write(token if is_token else b"b@p.iam.gserviceaccount.com")

        def log_message(self, format: str, *args: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Metadata)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    monkeypatch.setattr(place, "METADATA", f"http://127.0.0.1:{server.server_port}/default/")
    try:
        seen = place.google()
    finally:
        server.shutdown()
        server.server_close()
    assert asked == ["/default/email Google", "/default/token Google"]
    assert seen == {
        "kind": "metadata",
        "role": "b@p.iam.gserviceaccount.com",
        "problem": "",
        "agent": "" if bound else "403: Unable to generate access token; IAM returned 403",
    }
