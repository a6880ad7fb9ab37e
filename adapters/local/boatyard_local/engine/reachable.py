"""Checks whether the registries of the usual base images are reachable."""

import http.client
import threading
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Final

_TIMEOUT: Final = 3.0
# Docker Hub's API has its own host.
_HOSTS: Final = {"docker.io": "registry-1.docker.io"}


def unreachable(registries: Sequence[str]) -> frozenset[str]:
    """The registries that do not answer an anonymous `GET /v2/` within three seconds. All are asked concurrently."""
    answered: set[str] = set()

    def ask(registry: str) -> None:
        if _answers(_HOSTS.get(registry, registry)):
            answered.add(registry)

    # Daemon threads, which are not joined: a lookup at a silent name server cannot be interrupted.
    threads = [threading.Thread(target=ask, args=(name,), daemon=True) for name in registries]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_TIMEOUT + 0.5)
    return frozenset(registries) - frozenset(answered)


def _answers(host: str) -> bool:
    """Uses urllib, which respects SSL_CERT_FILE and the proxy variables, as Docker does."""
    try:
        with urllib.request.urlopen(f"https://{host}/v2/", timeout=_TIMEOUT) as response:
            return bool(response.status == 200)
    except urllib.error.HTTPError as error:
        # A registry that requires a token answers 401; a company's proxy answers 403 or 407.
        return error.code == 401
    except (OSError, http.client.HTTPException):
        return False
