"""Runs the unpacked registry (docker-registry 2.8), and queries any local registry.

Each of them requires a login (engine/login.py).
"""

import http.client
import json
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from boatyard_local.engine import login
from boatyard_local.engine.command import tail
from boatyard_local.engine.environment import daemon_environment
from boatyard_local.engine.layout import Layout
from boatyard_local.engine.model import EngineError
from boatyard_local.engine.processes import Daemon

_PATIENCE: Final = 20.0
# With `*/*`, the registry answers 404 for OCI manifests, so all four types are named.
_MANIFESTS: Final = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)


class RegistryAccount(NamedTuple):
    """A registry with its login."""

    address: str
    """`127.0.0.1:port`, with plain HTTP."""
    authorization: str

    def __repr__(self) -> str:
        return f"Account({self.address!r}, …)"

    @classmethod
    def of(cls, layout: Layout, address: str) -> "RegistryAccount":
        return cls(address, login.authorization(layout))


def daemon(layout: Layout) -> Daemon:
    return Daemon("registry", layout.runtime / "registry.process", layout.root)


def start(layout: Layout, port: int) -> None:
    """Starts the registry on 127.0.0.1:port unless it runs there, and waits until it answers."""
    process = daemon(layout)
    if process.running() is None:
        layout.registry_data.mkdir(parents=True, exist_ok=True)
        path = layout.engine / "registry.json"
        path.touch(mode=0o600)
        # JSON is valid YAML in flow style, so no YAML writer is needed.
        htpasswd = login.write_htpasswd(layout)
        path.write_text(json.dumps(configuration(layout.registry_data, port, htpasswd), indent=2))
        process.start(
            [layout.root / "usr/bin/docker-registry", "serve", path],
            env=daemon_environment(layout.root, layout.temporary),
            log=layout.logs / "registry.log",
        )
    log = layout.logs / "registry.log"
    account = RegistryAccount.of(layout, f"127.0.0.1:{port}")
    wait(account, "the registry did not start", lambda: process.running() is not None, log)


def wait(
    account: RegistryAccount, otherwise: str, alive: Callable[[], bool] = lambda: True, log: Path | None = None
) -> None:
    """Waits until a registry answers. Raises EngineError with the log's end if it does not answer or has ended."""
    begin = time.monotonic()
    while time.monotonic() - begin < _PATIENCE:
        if answers(account):
            return
        # The child itself writes the record, within its first milliseconds.
        if time.monotonic() - begin > 1 and not alive():
            break
        time.sleep(0.05)
    raise EngineError(f"{otherwise}: {tail(log)} (all of it: {log})" if log else otherwise)


def configuration(data: Path, port: int, htpasswd: Path) -> dict[str, object]:
    """https://distribution.github.io/distribution/about/configuration/"""
    return {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(data)},
            "delete": {"enabled": True},
            "cache": {"blobdescriptor": "inmemory"},
        },
        "http": {
            "addr": f"127.0.0.1:{port}",
            # Signs the state of uploads; without one, the registry warns and creates its own at each start.
            "secret": secrets.token_hex(16),
        },
        "auth": {"htpasswd": {"realm": "boatyard", "path": str(htpasswd)}},
    }


def answers(account: RegistryAccount) -> bool:
    """Whether a registry answers `GET /v2/` with 200 after a login, and with 401 without one.

    A registry that answers without a login is an earlier version's, or another program's. Each request has two seconds.
    """
    try:
        known = _ask(account, "GET", "/v2/")[0] == 200
        return known and _ask(account._replace(authorization=""), "GET", "/v2/")[0] == 401
    except (OSError, http.client.HTTPException):
        return False


def digest(account: RegistryAccount, repository: str, tag: str) -> str | None:
    """The digest of a tag; None without one. Raises EngineError if the registry's answer is unclear."""
    try:
        status, found = _ask(account, "HEAD", f"/v2/{repository}/manifests/{tag}")
    except (OSError, http.client.HTTPException) as error:
        raise EngineError(f"the registry on {account.address} does not answer: {error}") from error
    if status == 404:
        return None
    if status != 200 or not found:
        raise EngineError(f"the registry on {account.address} answered {status} for {repository}:{tag}")
    return found


def _ask(account: RegistryAccount, method: str, path: str) -> tuple[int, str | None]:
    """Returns the status and the digest. http.client ignores proxies, which must not be used for loopback."""
    connection = http.client.HTTPConnection(account.address, timeout=2)
    headers = {"Accept": _MANIFESTS} | ({"Authorization": account.authorization} if account.authorization else {})
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return response.status, response.headers.get("Docker-Content-Digest")
    finally:
        connection.close()


def stop(layout: Layout) -> bool:
    return daemon(layout).stop(patience=5.0)
