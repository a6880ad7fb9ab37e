"""What Azure's own management clients are given: our identity, addresses and CAs, and bounds.

They take 0.3 s to import, so the modules that use them import them for the first request.
"""

import os
import time
from collections.abc import Mapping
from typing import Any, Final

from azure.core.credentials import AccessToken
from azure.core.pipeline.policies import SansIOHTTPPolicy

from boatyard_azure.faults import AzureError, refusal_of
from boatyard_azure.rest import AzureRest

QUESTION: Final[Mapping[str, Any]] = {
    "retry_total": 3,
    "retry_backoff_factor": 0.4,
    "timeout": 20,
    "connection_timeout": 5,
    "read_timeout": 10,
}
"""Of a request that may be sent twice. `timeout` is in seconds, for all attempts."""
ONCE: Final[Mapping[str, Any]] = {"retry_total": 0, "connection_timeout": 5, "read_timeout": 20}
"""Of a request that may not: azure-core repeats a POST after 500, 503 and 504."""


class OwnCredential:
    """Implements azure.core.credentials.TokenCredential. Our identity caches its tokens itself."""

    def __init__(self, rest: AzureRest) -> None:
        self._rest = rest
        self._refused = self._last = ""

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """Raises BoatyardError."""
        resource = self._rest.endpoints.resource("management")
        self._last = self._rest.identity.token(resource, refused=self._refused)
        return AccessToken(self._last, int(time.time()))  # it has ended for azure-core, which so asks for each request

    def refuse(self) -> None:
        """The last token was answered with 401: the next one is another."""
        self._refused = self._last


def options(rest: AzureRest, credential: OwnCredential) -> dict[str, Any]:
    """Keyword arguments of a management client."""
    return {
        "credential": credential,
        "base_url": rest.endpoints.management(),
        "credential_scopes": [f"{rest.endpoints.resource('management')}/.default"],
        "connection_verify": os.environ.get("SSL_CERT_FILE") or True,
        # azure-core's own logs each request and answer as INFO, which Functions keep.
        "http_logging_policy": SansIOHTTPPolicy(),
    }


def refusal_in(answer: Any) -> AzureError:
    """`answer` is azure-core's HTTP response."""
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return refusal_of(answer.status_code, headers, answer.body())
