"""Starts containerd for the unpacked dockerd.

dockerd could start containerd itself, but then containerd creates /opt/containerd, and outlives a killed dockerd.
"""

import time
from pathlib import Path
from typing import Final

import tomli_w

from boatyard_local.engine.command import tail
from boatyard_local.engine.environment import daemon_environment
from boatyard_local.engine.layout import Layout
from boatyard_local.engine.model import EngineError
from boatyard_local.engine.processes import Daemon

_PATIENCE: Final = 30.0
# Plugins for Kubernetes' interface, and snapshotters for file systems that Docker does not use.
_NOT_NEEDED: Final = (
    "grpc.v1.cri",
    "snapshotter.v1.aufs",
    "snapshotter.v1.btrfs",
    "snapshotter.v1.devmapper",
    "snapshotter.v1.zfs",
)


def daemon(layout: Layout) -> Daemon:
    return Daemon("containerd", layout.runtime / "containerd.process", layout.root)


def socket_path(layout: Layout) -> Path:
    return layout.runtime / "containerd.sock"


def start(layout: Layout) -> None:
    """Starts containerd unless it runs, and waits for its socket."""
    process = daemon(layout)
    if process.running() is None:
        socket_path(layout).unlink(missing_ok=True)
        path = layout.engine / "containerd.toml"
        path.write_text(configuration(layout))
        process.start(
            [layout.root / "usr/bin/containerd", "--config", path],
            env=daemon_environment(layout.root, layout.temporary),
            log=layout.logs / "containerd.log",
        )
    begin = time.monotonic()
    while not socket_path(layout).exists():
        waited = time.monotonic() - begin
        if waited > _PATIENCE or (waited > 1 and process.running() is None):
            log = layout.logs / "containerd.log"
            raise EngineError(f"containerd did not start: {tail(log)} (all of it: {log})")
        time.sleep(0.02)


def configuration(layout: Layout) -> str:
    """https://github.com/containerd/containerd/blob/main/docs/man/containerd-config.toml.5.md"""
    return tomli_w.dumps(
        {
            "version": 2,
            "root": str(layout.docker_data / "containerd/daemon"),
            "state": str(layout.runtime / "containerd"),
            "disabled_plugins": [f"io.containerd.{name}" for name in _NOT_NEEDED],
            "grpc": {"address": str(socket_path(layout))},
            "plugins": {"io.containerd.internal.v1.opt": {"path": str(layout.engine / "opt")}},
        }
    )


def stop(layout: Layout) -> bool:
    return daemon(layout).stop(patience=5.0)
