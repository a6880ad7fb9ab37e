"""A Node of the cluster in this process: it plays pods, and serves their logs."""

import ipaddress
import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.kubernetes.loopback.events import Events
from tests.kubernetes.loopback.job_controller import PODS
from tests.kubernetes.loopback.node import Node
from tests.kubernetes.loopback.pod_logs import PodLogs
from tests.kubernetes.loopback.resources import BY_PATH, Target
from tests.kubernetes.loopback.status import Refused
from tests.kubernetes.loopback.store import Object
from tests.kubernetes.real.store import ApiStore, path

NODES = BY_PATH["", "v1", "nodes"]


class PlayedNode(Node):
    """No scheduler places a pod here (`unschedulable`); the test creates the binding that a scheduler would create."""

    def __init__(self, store: ApiStore, events: Events, name: str, address: str, port: int) -> None:
        super().__init__(store, events)  # type: ignore[arg-type]
        self.api = store
        self.name = name
        node: Object = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "labels": {"app.kubernetes.io/part-of": "boatyard-tests"}},
            "spec": {"unschedulable": True},
        }
        store.add(NODES, node)
        status = {
            "addresses": [{"type": "InternalIP", "address": address}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        }
        # A patch: the node controller writes to a new Node at the same time.
        store.ask("PATCH", path(NODES, "", name, "status"), {"status": status}, "application/merge-patch+json")

    def close(self) -> None:
        self.api.remove(NODES, "", self.name)

    def bind(self, pod: Object) -> None:
        metadata = pod["metadata"]
        if not pod["spec"].get("nodeName"):
            binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": metadata["name"]}}
            binding["target"] = {"apiVersion": "v1", "kind": "Node", "name": self.name}
            self.api.ask("POST", path(PODS, metadata["namespace"], metadata["name"], "binding"), binding)
        super().bind(pod)


class LogEndpoint:
    """The only part of a kubelet's API that is used here: GET /containerLogs/NAMESPACE/POD/CONTAINER."""

    def __init__(self, logs: PodLogs, address: str, folder: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(_certificate(address, folder / "node.pem"))
        self._http = ThreadingHTTPServer((address, 0), _handler(logs))
        self._http.daemon_threads = True
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self.port = int(self._http.server_address[1])
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


def _handler(logs: PodLogs) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            words = parts.path.strip("/").split("/")
            try:
                if len(words) != 4 or words[0] != "containerLogs":
                    raise Refused(404, "404 page not found")
                query = {**dict(parse_qsl(parts.query)), "container": words[3]}
                data, stream = logs.read(Target(PODS, words[1], words[2], "log"), query)
                self.send_response(200)
                self.send_header("Content-Type", "text/plain")
                self.end_headers()
                for piece in stream if stream is not None else (data,):
                    self.wfile.write(piece)
            except Refused as refused:
                self.send_response(refused.code)  # a kubelet's errors are plain text
                self.end_headers()
                self.wfile.write(str(refused).encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


def _certificate(address: str, path: Path) -> Path:
    """A self-signed certificate, as a kubelet's is by default."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "boatyard-tests")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    text = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(text + made.public_bytes(pem))
    return path
