"""Azure's services over HTTP, with access tokens and Azure's errors.

Decision 0033 compares it with Azure's own clients.
"""

import os
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Final

from boatyard.errors import BoatyardError
from boatyard_azure import faults
from boatyard_azure.endpoints import Audience, AzureEndpoints
from boatyard_azure.faults import NeededAzureRole
from boatyard_azure.identity import AzureIdentity, find_identity
from boatyard_registry.transport import Answer, Transport
from boatyard_serverless.faults import DATAPLANE, Fault
from boatyard_serverless.rest import ATTEMPTS, SECONDS, Refused, RestCall, RestClient

STORAGE_VERSION: Final = "2023-11-03"
"""Of the storage services' protocol (https://learn.microsoft.com/rest/api/storageservices/versioning-for-the-azure-storage-services)."""


class AzureCall(RestCall, frozen=True, kw_only=True):
    """`api-version` is part of the query, except for storage."""

    address: str
    """Without a query, quoted."""
    audience: Audience
    need: NeededAzureRole


class AzureRest(RestClient[AzureCall]):
    """Thread-safe; keeps connections and tokens between calls."""

    def __init__(
        self,
        identity: AzureIdentity | None = None,
        *,
        transport: Transport | None = None,
        environ: Mapping[str, str] = os.environ,
        attempts: int = ATTEMPTS,
        seconds: float = SECONDS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(transport, attempts=attempts, seconds=seconds, sleep=sleep)
        self.endpoints = AzureEndpoints(environ)
        self.identity = identity or find_identity(self.transport, environ)

    def url(self, call: AzureCall) -> str:
        return call.address

    def headers(self, call: AzureCall) -> Mapping[str, str]:
        if call.audience != "storage":
            return {}
        return {"accept": "application/xml", "x-ms-version": STORAGE_VERSION, "x-ms-date": formatdate(usegmt=True)}

    def token(self, call: AzureCall, refused: str) -> str:
        try:
            return self.identity.token(self.endpoints.resource(call.audience), refused=refused)
        except BoatyardError as error:
            denied = error.code == DATAPLANE.denied
            code = call.codes.denied if denied else call.codes.unavailable
            raise BoatyardError(code, f"{call.need.permission}: {error.detail}") from None

    def refused(self, call: AzureCall, answer: Answer) -> Refused:
        refusal = faults.refusal_of(answer.status, answer.headers, answer.body)
        assignee = self.identity.assignee() if refusal.fault is Fault.DENIED else ""
        return Refused(refusal.fault, faults.explained(refusal, call.need, call.codes, assignee=assignee))

    def unreachable(self, call: AzureCall, reason: str) -> BoatyardError:
        return faults.unreachable(call.need, reason, call.codes)
