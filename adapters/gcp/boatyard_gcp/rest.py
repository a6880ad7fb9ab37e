"""Calls Google's APIs: JSON over HTTP, with access tokens and Google's errors.

Retries: https://cloud.google.com/storage/docs/retry-strategy.
"""

import os
import time
from collections.abc import Callable, Mapping

from boatyard.errors import BoatyardError
from boatyard_gcp import faults
from boatyard_gcp.endpoints import Api, endpoint
from boatyard_gcp.faults import NeededRole
from boatyard_gcp.identity import GoogleIdentity, find_identity
from boatyard_registry.transport import Answer, Transport
from boatyard_serverless.faults import DATAPLANE, Fault
from boatyard_serverless.rest import ATTEMPTS, SECONDS, Refused, RestCall, RestClient, takes_token


class GoogleCall(RestCall, frozen=True, kw_only=True):
    api: Api
    path: str
    """Below the API's address, quoted."""
    need: NeededRole


class GoogleRest(RestClient[GoogleCall]):
    """Thread-safe; keeps connections and tokens between calls."""

    def __init__(
        self,
        identity: GoogleIdentity | None = None,
        *,
        transport: Transport | None = None,
        environ: Mapping[str, str] = os.environ,
        attempts: int = ATTEMPTS,
        seconds: float = SECONDS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(transport, attempts=attempts, seconds=seconds, sleep=sleep)
        self.identity = identity or find_identity(self.transport, environ)
        self._environ = environ

    def address(self, api: Api) -> str:
        return endpoint(api, self._environ)

    def url(self, call: GoogleCall) -> str:
        return self.address(call.api) + call.path

    def token(self, call: GoogleCall, refused: str) -> str:
        if not takes_token(self.address(call.api)):
            return ""
        try:
            return self.identity.token(refused=refused)
        except BoatyardError as error:
            denied = error.code == DATAPLANE.denied
            code = call.codes.denied if denied else call.codes.unavailable
            raise BoatyardError(code, f"{call.need.permission}: {error.detail}") from None

    def refused(self, call: GoogleCall, answer: Answer) -> Refused:
        refusal = faults.refusal_of(answer.status, answer.body)
        account = self._account() if refusal.fault is Fault.DENIED else ""
        return Refused(refusal.fault, faults.explained(refusal, call.need, call.codes, account=account))

    def unreachable(self, call: GoogleCall, reason: str) -> BoatyardError:
        return faults.unreachable(call.need, reason, call.codes)

    def _account(self) -> str:
        """The account for the command that grants a missing role."""
        try:
            return self.identity.email()
        except BoatyardError:
            return ""
