"""Starts, checks and stops the unpacked Docker engine."""

import http.client
import json
import os
import shutil
import socket
import tempfile
import time
from pathlib import Path
from typing import Final

from boatyard_local.engine import containerd, mounts
from boatyard_local.engine.command import ask, tail
from boatyard_local.engine.environment import daemon_environment
from boatyard_local.engine.layout import Layout
from boatyard_local.engine.model import EngineError
from boatyard_local.engine.processes import Daemon

_PATIENCE: Final = 60.0
_CONFIGURATION: Final = {
    # BuildKit's registry cache export, zstd and multi-platform images need containerd's image store.
    "features": {"containerd-snapshotter": True},
    "insecure-registries": ["127.0.0.0/8"],
    "builder": {"gc": {"enabled": True, "defaultKeepStorage": "20GB"}},
}

# vfs copies every layer: slow, but it works on any file system.
_COPYING: Final = {"storage-driver": "native"}
_OVERLAY: Final = (
    "mkdir lower upper work merged && mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work x merged"
)


def daemon(layout: Layout) -> Daemon:
    return Daemon("dockerd", layout.runtime / "dockerd.process", layout.root)


def host(layout: Layout) -> str:
    return f"unix://{layout.docker_socket}"


def start(layout: Layout) -> None:
    """Starts containerd and dockerd unless they run, and waits until dockerd answers."""
    # A running dockerd reconnects to a restarted containerd by itself.
    containerd.start(layout)
    process = daemon(layout)
    if process.running() is None:
        _launch(layout, process)
    _wait(layout, process)


def is_up(layout: Layout) -> bool:
    return containerd.daemon(layout).running() is not None and answers(layout.docker_socket)


def _launch(layout: Layout, process: Daemon) -> None:
    layout.docker_data.mkdir(parents=True, exist_ok=True)
    layout.docker_socket.unlink(missing_ok=True)
    # dockerd refuses to start if this file names a live pid, which after a reboot may belong to any process.
    (layout.runtime / "dockerd.pid").unlink(missing_ok=True)
    configuration = layout.engine / "daemon.json"
    driver = {} if _holds_overlays(layout.docker_data) else _COPYING
    configuration.write_text(json.dumps({**_CONFIGURATION, **driver}, indent=2))
    process.start(
        [
            layout.root / "usr/sbin/dockerd",
            f"--config-file={configuration}",
            f"--data-root={layout.docker_data}",
            f"--exec-root={layout.runtime / 'exec'}",
            f"--containerd={containerd.socket_path(layout)}",
            f"--pidfile={layout.runtime / 'dockerd.pid'}",
            f"--host={host(layout)}",
            # Without a bridge and firewall rules, the machine's network stays unchanged. Builds and containers use the
            # host's network.
            "--bridge=none",
            "--iptables=false",
            "--ip6tables=false",
        ],
        env=daemon_environment(layout.root, layout.temporary),
        log=layout.logs / "dockerd.log",
    )


def _wait(layout: Layout, process: Daemon) -> None:
    begin = time.monotonic()
    while time.monotonic() - begin < _PATIENCE:
        if answers(layout.docker_socket):
            return
        # The child itself writes the record, within its first milliseconds.
        if time.monotonic() - begin > 1 and process.running() is None:
            break
        time.sleep(0.1)
    log = layout.logs / "dockerd.log"
    raise EngineError(f"dockerd did not start: {tail(log)} (all of it: {log})")


def answers(path: Path) -> bool:
    """Whether an engine answers `GET /_ping` on the socket within two seconds."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(2)
        try:
            connection.connect(os.fspath(path))
            connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            response = http.client.HTTPResponse(connection)
            response.begin()
        except (OSError, http.client.HTTPException):
            return False
        return response.status == 200


def stop(layout: Layout) -> bool:
    stopped = [daemon(layout).stop(), containerd.stop(layout)]
    # dockerd leaves the network namespace of --network host mounted, which would block the folder's removal.
    mounts.release(layout.runtime / "exec")
    return any(stopped)


def _holds_overlays(folder: Path) -> bool:
    """Whether the folder's file system supports overlay mounts; inside a container, it often does not.

    Tries a mount in a temporary mount namespace, which removes it.
    """
    probe = Path(tempfile.mkdtemp(prefix="overlay-", dir=folder))
    try:
        answer = ask(["unshare", "--mount", "/bin/sh", "-c", f'cd "$0" && {_OVERLAY}', probe])
        return answer is not None and answer.returncode == 0
    finally:
        shutil.rmtree(probe, ignore_errors=True)
