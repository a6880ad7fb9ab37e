"""User-delegation SAS: URLs of blobs that Entra ID's identity answers for, so no account key that could leak.

https://learn.microsoft.com/rest/api/storageservices/create-user-delegation-sas. The identity needs
Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action on the storage account, and on the
container what the URLs allow.
"""

import hashlib
import hmac
import threading
import time
from base64 import b64decode, b64encode
from typing import Final, Literal
from urllib.parse import urlencode

import msgspec

from boatyard_azure.bucket import BlobBucket
from boatyard_azure.faults import NeededAzureRole, id_of_account
from boatyard_azure.rest import STORAGE_VERSION, AzureCall, AzureRest
from boatyard_azure.xml import UnreadableXml, document, parse, text

Permission = Literal["c", "r", "d"]
"""Create a blob that is not there, read it, delete it."""

_ROLE: Final = "Storage Blob Delegator"
_KEY_SECONDS: Final = 48 * 3600
"""At most seven days. A key is one secret in this process's memory, and a revocation of all keys is Azure's way to end
URLs early."""
_EARLIER_SECONDS: Final = 300
"""How far the clocks may differ."""


class DelegationKey(msgspec.Struct, frozen=True):
    object_id: str
    tenant: str
    start: str
    end: str
    service: str
    version: str
    secret: bytes
    until: float


class DelegatedUrls:
    """Thread-safe. One key signs the URLs of many hours."""

    def __init__(self, rest: AzureRest, bucket: BlobBucket) -> None:
        self._rest = rest
        self._bucket = bucket
        self._key: DelegationKey | None = None
        self._lock = threading.Lock()

    def url(self, key: str, permission: Permission, *, now: float, seconds: int) -> str:
        """The URL, good from `now` for so many `seconds`, over TLS.

        Raises DATAPLANE_DENIED or DATAPLANE_UNAVAILABLE.
        """
        signer = self._signer(now, now + seconds)
        account, container = self._bucket.account, self._bucket.container
        end = _moment(now + seconds)
        text_signed = text_to_sign(account, container, key, permission, end, signer)
        signature = hmac.new(signer.secret, text_signed.encode(), hashlib.sha256).digest()
        query = {
            "sp": permission,
            "se": end,
            "skoid": signer.object_id,
            "sktid": signer.tenant,
            "skt": signer.start,
            "ske": signer.end,
            "sks": signer.service,
            "skv": signer.version,
            "spr": "https",
            "sv": STORAGE_VERSION,
            "sr": "b",
            "sig": b64encode(signature).decode(),
        }
        return f"{self._bucket.address(key)}?{urlencode(query)}"

    def _signer(self, now: float, until: float) -> DelegationKey:
        """A URL is good for no longer than its key."""
        with self._lock:
            if self._key is None or self._key.until < until or self._key.until - _KEY_SECONDS > now:
                self._key = self._new(now, max(until, now + _KEY_SECONDS))
            return self._key

    def _new(self, now: float, until: float) -> DelegationKey:
        account = self._bucket.account
        call = AzureCall(
            method="POST",
            address=f"{self._rest.endpoints.blob(account)}/",
            audience="storage",
            query={"restype": "service", "comp": "userdelegationkey"},
            body=document("KeyInfo", Start=_moment(now - _EARLIER_SECONDS), Expiry=_moment(until)),
            content_type="application/xml",
            need=NeededAzureRole(
                permission="Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action",
                resource=f"storage account {account}",
                role=_ROLE,
                scope=id_of_account(account),
            ),
        )
        reply = self._rest.send(call)
        try:
            found = parse(reply.body)
            secret = b64decode(text(found, "Value"), validate=True)
            if not secret:
                raise UnreadableXml("no key")
            return DelegationKey(
                object_id=text(found, "SignedOid"),
                tenant=text(found, "SignedTid"),
                start=text(found, "SignedStart"),
                end=text(found, "SignedExpiry"),
                service=text(found, "SignedService"),
                version=text(found, "SignedVersion"),
                secret=secret,
                until=until,
            )
        except (UnreadableXml, ValueError):
            raise self._rest.unreachable(call, "its key cannot be read") from None


def text_to_sign(
    account: str, container: str, key: str, permission: Permission, end: str, signer: DelegationKey
) -> str:
    """What a SAS of STORAGE_VERSION signs. Most of its lines are for what we leave open."""
    fields = (
        *(permission, "", end, f"/blob/{account}/{container}/{key}"),
        *(signer.object_id, signer.tenant, signer.start, signer.end, signer.service, signer.version),
        *("", "", "", "", "https", STORAGE_VERSION, "b", "", "", "", "", "", "", ""),
    )
    return "\n".join(fields)


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
