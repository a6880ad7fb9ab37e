"""Reads the metadata server: the service account of this function, pod or build step, and its tokens.

https://cloud.google.com/compute/docs/metadata/querying-metadata. It is the same on Cloud Run, Cloud Build, Compute
Engine and GKE with Workload Identity. GCE_METADATA_HOST overrides its address, as for google-auth.

It uses http.client: requests must not go through a proxy, and a function that has just started imports nothing else for
its token.
"""

import http.client
import os
import random
import socket
import time
from collections.abc import Callable, Mapping
from typing import Final

from boatyard.backoff import growing

_HOST: Final = "metadata.google.internal"
_ATTEMPT_SECONDS: Final = 3.0
_PATIENCE_SECONDS: Final = 12.0
"""A new pod's metadata server refuses connections for some seconds after the start
(https://cloud.google.com/kubernetes-engine/docs/troubleshooting/authentication#pod-init-fails)."""
_LARGEST: Final = 64 * 1024


class NoMetadata(Exception):
    """This machine has no metadata server, so it is not Google's."""


class MetadataUnavailable(Exception):
    """The metadata server gives no usable answer. The text says why."""


def read(
    path: str,
    *,
    environ: Mapping[str, str] = os.environ,
    patience_seconds: float = _PATIENCE_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
) -> bytes:
    """Reads `path` below /computeMetadata/v1/. Raises NoMetadata or MetadataUnavailable."""
    deadline = time.monotonic() + patience_seconds
    for pause in growing(0.1, 2.0):
        try:
            status, body = _ask(path, environ)
        except socket.gaierror:
            raise NoMetadata("metadata.google.internal has no address") from None
        except (OSError, http.client.HTTPException) as error:
            reason = f"it does not answer ({type(error).__name__})"
        else:
            if status == http.client.OK:
                return body
            reason = f"it answers {status}"
            if status < http.client.INTERNAL_SERVER_ERROR and status != http.client.TOO_MANY_REQUESTS:
                break
        pause *= random.uniform(0.5, 1)  # noqa: S311 - spreads repeats, keeps no secret
        if time.monotonic() + pause > deadline:
            break
        sleep(pause)
    raise MetadataUnavailable(reason)


def _ask(path: str, environ: Mapping[str, str]) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(environ.get("GCE_METADATA_HOST") or _HOST, timeout=_ATTEMPT_SECONDS)
    try:
        connection.request("GET", f"/computeMetadata/v1/{path}", headers={"Metadata-Flavor": "Google"})
        answer = connection.getresponse()
        if answer.getheader("Metadata-Flavor") != "Google":
            raise NoMetadata("another server than Google's answers for it")  # such as a captive portal
        return answer.status, answer.read(_LARGEST)
    finally:
        connection.close()
