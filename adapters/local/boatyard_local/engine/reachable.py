"""Whether the registries of the ordinary base images can be reached."""

import http.client
import threading
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Final

_TIMEOUT: Final = 3.0
# The API of docker.io has a host of its own.
_HOSTS: Final = {"docker.io": "registry-1.docker.io"}


def unreachable(registries: Sequence[str]) -> frozenset[str]:
    """Those that do not answer an anonymous `GET /v2/` within three seconds; all are asked at once."""
    answered: set[str] = set()

    def ask(registry: str) -> None:
        if _answers(_HOSTS.get(registry, registry)):
            answered.add(registry)

    # Threads that are not waited for: a name server that is silent cannot be told to hurry.
    threads = [threading.Thread(target=ask, args=(name,), daemon=True) for name in registries]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_TIMEOUT + 0.5)
    return frozenset(registries) - frozenset(answered)


def _answers(host: str) -> bool:
    """Urllib honours SSL_CERT_FILE and the proxy variables, as Docker does."""
    try:
        with urllib.request.urlopen(f"https://{host}/v2/", timeout=_TIMEOUT) as response:
            return bool(response.status == 200)
    except urllib.error.HTTPError as error:
        # How a registry says that it is one and wants a token; a company's proxy says 403 or 407.
        return error.code == 401
    except (OSError, http.client.HTTPException):
        return False
