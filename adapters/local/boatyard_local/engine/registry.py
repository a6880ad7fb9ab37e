"""The unpacked registry (docker-registry 2.8), and the questions every local registry answers."""

import http.client
import json
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from boatyard_local.engine.command import tail
from boatyard_local.engine.environment import daemon_environment
from boatyard_local.engine.layout import Layout
from boatyard_local.engine.model import EngineError
from boatyard_local.engine.processes import Daemon

_PATIENCE: Final = 20.0
# With `*/*` the registry answers 404 for OCI manifests: all four types must be named.
_MANIFESTS: Final = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)


def daemon(layout: Layout) -> Daemon:
    return Daemon("registry", layout.runtime / "registry.process", layout.root)


def start(layout: Layout, port: int) -> None:
    """Start the registry on 127.0.0.1:port unless it runs there, and wait until it answers."""
    process = daemon(layout)
    if process.running() is None:
        layout.registry_data.mkdir(parents=True, exist_ok=True)
        path = layout.engine / "registry.json"
        path.touch(mode=0o600)
        # YAML's flow style is JSON: no YAML writer is needed.
        path.write_text(json.dumps(configuration(layout.registry_data, port), indent=2))
        process.start(
            [layout.root / "usr/bin/docker-registry", "serve", path],
            env=daemon_environment(layout.root, layout.temporary),
            log=layout.logs / "registry.log",
        )
    log = layout.logs / "registry.log"
    wait(f"127.0.0.1:{port}", "the registry did not start", lambda: process.running() is not None, log)


def wait(address: str, otherwise: str, alive: Callable[[], bool] = lambda: True, log: Path | None = None) -> None:
    """Wait until a registry answers; raises EngineError with the log's end if it does not, or has ended."""
    begin = time.monotonic()
    while time.monotonic() - begin < _PATIENCE:
        if answers(address):
            return
        # A record is written by the child itself, within its first milliseconds.
        if time.monotonic() - begin > 1 and not alive():
            break
        time.sleep(0.05)
    raise EngineError(f"{otherwise}: {tail(log)} (all of it: {log})" if log else otherwise)


def configuration(data: Path, port: int) -> dict[str, object]:
    """https://distribution.github.io/distribution/about/configuration/"""
    return {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(data)},
            "delete": {"enabled": True},
            "cache": {"blobdescriptor": "inmemory"},
        },
        "http": {
            "addr": f"127.0.0.1:{port}",
            # Signs the state of uploads; without one the registry warns and makes its own at each start.
            "secret": secrets.token_hex(16),
        },
    }


def answers(registry: str) -> bool:
    """True if a registry answers `GET /v2/` with 200 within two seconds."""
    try:
        return _ask(registry, "GET", "/v2/")[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def digest(registry: str, repository: str, tag: str) -> str | None:
    """The digest of a tag; None if there is none. Raises EngineError if the registry does not say."""
    try:
        status, found = _ask(registry, "HEAD", f"/v2/{repository}/manifests/{tag}")
    except (OSError, http.client.HTTPException) as error:
        raise EngineError(f"the registry on {registry} does not answer: {error}") from error
    if status == 404:
        return None
    if status != 200 or not found:
        raise EngineError(f"the registry on {registry} answered {status} for {repository}:{tag}")
    return found


def _ask(registry: str, method: str, path: str) -> tuple[int, str | None]:
    """Status and digest. http.client knows no proxies: what is on loopback must not be asked through one."""
    connection = http.client.HTTPConnection(registry, timeout=2)
    try:
        connection.request(method, path, headers={"Accept": _MANIFESTS})
        response = connection.getresponse()
        return response.status, response.headers.get("Docker-Content-Digest")
    finally:
        connection.close()


def stop(layout: Layout) -> bool:
    return daemon(layout).stop(patience=5.0)
