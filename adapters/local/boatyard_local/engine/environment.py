"""Builds the environments of daemons and foreign programs."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_PASSED_ON: Final = (
    "HOME",
    "LANG",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)
_SYSTEM_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def daemon_environment(root: Path, temporary: Path, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """For dockerd, containerd and the registry: unpacked programs first in PATH, proxies, CA. Without credentials.

    `temporary` holds the files that they would leave in /tmp after a kill, mainly containerd's mount points.
    """
    kept = {name: environ[name] for name in _PASSED_ON if environ.get(name)}
    return {
        **kept,
        "TMPDIR": str(temporary),
        "PATH": f"{root}/usr/sbin:{root}/usr/bin:{environ.get('PATH') or _SYSTEM_PATH}",
    }


def docker_environment(host: str, config: str, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """For the docker command: the caller's own environment, directed to one engine."""
    env = dict(environ)
    if host:
        # The caller's context or TLS settings would override the host, or break it.
        for name in ("DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_API_VERSION"):
            env.pop(name, None)
        env["DOCKER_HOST"] = host
    if config:
        env["DOCKER_CONFIG"] = config
    env.pop("BUILDX_BUILDER", None)
    return env
