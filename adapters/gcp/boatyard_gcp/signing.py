"""Signs V4 URLs of Cloud Storage through IAM, without a key file that could leak.

https://cloud.google.com/storage/docs/authentication/canonical-requests. The service account needs
iam.serviceAccounts.signBlob on itself (roles/iam.serviceAccountTokenCreator).
"""

import hashlib
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlsplit

import msgspec

from boatyard.errors import BoatyardError, Code
from boatyard_gcp.faults import NeededRole
from boatyard_gcp.rest import GoogleCall, GoogleRest
from boatyard_serverless.rest import segment

_ROLE: Final = "roles/iam.serviceAccountTokenCreator"
LONGEST_SECONDS: Final = 12 * 3600
"""IAM's signBlob uses a key that Google manages, whose signatures are valid for twelve hours
(https://cloud.google.com/sdk/gcloud/reference/storage/sign-url, --duration)."""


class _Signed(msgspec.Struct, frozen=True):
    signed_blob: str = msgspec.field(name="signedBlob")


class Signer:
    """`account` is the e-mail of the service account that signs; by default that of the credentials."""

    def __init__(self, rest: GoogleRest, account: str = "") -> None:
        self._rest = rest
        self._account = account

    def url(
        self,
        method: str,
        bucket: str,
        key: str,
        *,
        now: float,
        seconds: int,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> str:
        """The URL, valid from `now` for `seconds`, for requests with exactly these `headers`.

        Raises DATAPLANE_DENIED or DATAPLANE_UNAVAILABLE.
        """
        account = self._account or self._own_account()
        base = self._rest.address("storage")
        day, moment = (time.strftime(form, time.gmtime(now)) for form in ("%Y%m%d", "%Y%m%dT%H%M%SZ"))
        scope = f"{day}/auto/storage/goog4_request"
        signed = {"host": urlsplit(base).netloc, **{name.lower(): value for name, value in (headers or {}).items()}}
        names = ";".join(sorted(signed))
        parameters = {
            **(query or {}),
            "X-Goog-Algorithm": "GOOG4-RSA-SHA256",
            "X-Goog-Credential": f"{account}/{scope}",
            "X-Goog-Date": moment,
            "X-Goog-Expires": str(min(seconds, LONGEST_SECONDS)),
            "X-Goog-SignedHeaders": names,
        }
        path = f"/{quote(bucket, safe='')}/{quote(key, safe='/~')}"
        asked = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in sorted(parameters.items()))
        lines = "".join(f"{name}:{' '.join(value.split())}\n" for name, value in sorted(signed.items()))
        canonical = "\n".join((method, path, asked, lines, names, "UNSIGNED-PAYLOAD"))
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = "\n".join(("GOOG4-RSA-SHA256", moment, scope, digest))
        return f"{base}{path}?{asked}&X-Goog-Signature={self._sign(account, text.encode()).hex()}"

    def _sign(self, account: str, text: bytes) -> bytes:
        call = GoogleCall(
            api="iamcredentials",
            method="POST",
            path=f"/v1/projects/-/serviceAccounts/{segment(account)}:signBlob",
            json={"payload": b64encode(text).decode()},
            need=NeededRole(
                permission="iam.serviceAccounts.signBlob",
                resource=f"service account {account}",
                role=_ROLE,
                grant=f"gcloud iam service-accounts add-iam-policy-binding {account}",
            ),
        )
        signed = self._rest.read(call, _Signed).signed_blob
        try:
            return b64decode(signed, validate=True)
        except ValueError:
            raise BoatyardError(Code.DATAPLANE_UNAVAILABLE, "IAM's answer has no signature") from None

    def _own_account(self) -> str:
        account = self._rest.identity.email()
        if not account:
            raise BoatyardError(
                Code.DATAPLANE_DENIED,
                "a person's credentials cannot sign URLs: run as a service account "
                "(gcloud auth application-default login --impersonate-service-account=EMAIL)",
            )
        return account


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")
