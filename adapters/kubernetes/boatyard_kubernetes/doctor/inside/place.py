"""Tests the environment of a build's own container: its programs, its workload identity, and whether buildkitd answers.
It opens tokens to check that they are readable, and sends them only to their own cloud's agent on this node."""

import importlib.util
import json
import os
import shutil
import socket
import ssl
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

SECONDS = 10
LONGEST = 160
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
"""The start of an HTTP/2 connection (RFC 9113, 3.4), with an empty SETTINGS frame."""
SETTINGS = 4
METADATA = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/"
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Without a proxy, since these agents are on the node itself."""


def short(error: object) -> str:
    return " ".join(str(error).split())[:LONGEST]


def readable(path: str) -> str:
    """Empty if the file can be read; else why not."""
    try:
        with Path(path).open("rb") as file:
            file.read(1)
    except OSError as error:
        return short(error.strerror)
    return ""


def ask(url: str, headers: dict[str, str]) -> tuple[str, bytes]:
    """("", body), or (error, b"")."""
    if not url.startswith("http://"):
        return "not an address of this node", b""
    try:
        request = urllib.request.Request(url, headers=headers)  # noqa: S310 - http only, see above
        with DIRECT.open(request, timeout=SECONDS) as answer:
            return "", answer.read(4096)
    except urllib.error.HTTPError as error:
        return f"{error.code}: {short(error.read(400).decode('utf-8', 'replace'))}", b""
    except (OSError, ValueError) as error:
        return short(getattr(error, "reason", error)), b""


def aws() -> dict[str, str]:
    found = {"role": os.environ.get("AWS_ROLE_ARN", ""), "agent": ""}
    if token := os.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        return {**found, "kind": "irsa", "problem": readable(token)}
    if url := os.environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        path = os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "")
        if problem := readable(path):
            return {**found, "kind": "pod-identity", "problem": problem}
        # The answer contains credentials, so only its success is reported.
        found["agent"], _ = ask(url, {"Authorization": Path(path).read_text("utf-8").strip()})
        return {**found, "kind": "pod-identity", "problem": ""}
    return {**found, "kind": "", "problem": ""}


def azure() -> dict[str, str]:
    token = os.environ.get("AZURE_FEDERATED_TOKEN_FILE", "")
    role = os.environ.get("AZURE_CLIENT_ID", "")
    return {"kind": "federated" if token else "", "role": role, "problem": readable(token) if token else ""}


def google() -> dict[str, str]:
    flavor = {"Metadata-Flavor": "Google"}
    problem, email = ask(f"{METADATA}email", flavor)
    # The answer is a token, so only its success is reported.
    agent = problem or ask(f"{METADATA}token", flavor)[0]
    return {
        "kind": "" if problem else "metadata",
        "role": email.decode("utf-8", "replace")[:LONGEST],
        "problem": problem,
        "agent": agent,
    }


def connect(host: str, port: int, tls: str) -> dict[str, str]:
    """The stage at which connecting to buildkitd fails; "" if it answers like a gRPC server."""
    try:
        line: socket.socket = socket.create_connection((host, port), timeout=SECONDS)
    except socket.gaierror as error:
        return {"stage": "name", "error": short(error.strerror)}
    except TimeoutError:
        return {"stage": "timeout", "error": f"no answer in {SECONDS} s"}
    except OSError as error:
        return {"stage": "connect", "error": short(error.strerror or error)}
    expires = ""
    with line:
        if tls:
            try:
                context = ssl.create_default_context(cafile=f"{tls}/ca.pem")
                context.load_cert_chain(f"{tls}/cert.pem", f"{tls}/key.pem")
                context.set_alpn_protocols(["h2"])
            except (OSError, ValueError) as error:
                return {"stage": "files", "error": short(error)}
            try:
                line = context.wrap_socket(line, server_hostname=host)
            except ssl.SSLCertVerificationError as error:
                return {"stage": "server", "error": short(error.verify_message)}
            except OSError as error:
                return {"stage": "tls", "error": short(error)}
            expires = str((line.getpeercert() or {}).get("notAfter", ""))
        with line:
            try:
                line.sendall(PREFACE)
                head = b""
                while len(head) < 9 and (more := line.recv(9 - len(head))):
                    head += more
            except OSError as error:
                # TLS 1.3: the server refuses a client's certificate after the handshake.
                return {"stage": "client" if tls else "closed", "error": short(error)}
    if len(head) < 9 or head[3] != SETTINGS:
        return {"stage": "protocol" if head else "closed", "error": "it does not answer like buildkitd"}
    return {"stage": "", "error": "", "expires": expires}


def confines() -> "bool | None":
    """Whether a job here can confine a base's Python; None for an image that makes no layers."""
    try:
        from boatyard_layers.sandbox import programs
    except ImportError:
        return None
    return programs.can_confine()


def main(order: dict[str, Any]) -> None:
    identity = {"aws": aws, "azure": azure, "google": google}.get(order["authentication"])
    addresses = order["addresses"]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda address: connect(address[0], address[1], order["tls"]), addresses))
    seen = {
        "missing": [name for name in order["modules"] if importlib.util.find_spec(name) is None]
        + [name for name in order["programs"] if shutil.which(name) is None],
        "python": ".".join(map(str, sys.version_info[:3])),
        "identity": identity() if identity else None,
        "buildkitd": answers,
        "confines": confines(),
    }
    Path(order["out"]).write_text(json.dumps(seen), "utf-8")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
