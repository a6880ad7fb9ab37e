"""Who calls: tenant and object id of the principal that App Service authentication has checked.

https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities: the edge checks the token of a
request and passes its claims on in X-MS-CLIENT-PRINCIPAL. Anybody can write that header where no edge replaces it, so
it proves something only where no request comes in unchecked.
"""

import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Final

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError, Code

PRINCIPAL: Final = "x-ms-client-principal"
PROVIDER: Final = "x-ms-client-principal-idp"
_ENTRA: Final = "aad"
_LONGEST: Final = 64 * 1024
_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_OBJECT: Final = frozenset({"oid", "http://schemas.microsoft.com/identity/claims/objectidentifier"})
_TENANT: Final = frozenset({"tid", "http://schemas.microsoft.com/identity/claims/tenantid"})
"""The edge maps most claims to older names; which ones depends on its version."""


class _Claim(msgspec.Struct, frozen=True):
    typ: str = ""
    val: str = ""


class _Principal(msgspec.Struct, frozen=True):
    auth_typ: str = ""
    claims: tuple[_Claim, ...] = ()


def caller_of(headers: Mapping[str, str]) -> str:
    """`<tenant id>/<object id>`, in lower case. `headers` have lower-case names. Raises UNAUTHENTICATED, without a word
    of the claims.

    Neither id can be chosen, changed or given to somebody else. An e-mail or a display name can: a guest's is whatever
    its own tenant says.
    """
    if PRINCIPAL not in headers:
        raise _refused("App Service authentication passed no caller on: send an Entra ID token for this function")
    principal = _principal(headers[PRINCIPAL])
    if {principal.auth_typ, headers.get(PROVIDER, _ENTRA)} != {_ENTRA}:
        raise _refused("the caller did not sign in with Microsoft Entra ID")
    tenant, object_id = _one(principal, _TENANT), _one(principal, _OBJECT)
    if not tenant or not object_id:
        raise _refused("the caller's token has no tenant id or no object id (claims tid and oid)")
    return f"{tenant}/{object_id}"


def _principal(value: str) -> _Principal:
    try:
        if len(value) > _LONGEST:
            raise ValueError
        return decode_json(b64decode(value, validate=True), _Principal)
    except (ValueError, Undecodable):
        raise _refused(f"what {PRINCIPAL} says cannot be read") from None


def _one(principal: _Principal, names: frozenset[str]) -> str:
    """The claim's only value; empty if it has none, several, or one that is no id."""
    found = {claim.val.lower() for claim in principal.claims if claim.typ in names}
    value = found.pop() if len(found) == 1 else ""
    return value if _ID.match(value) else ""


def _refused(detail: str) -> BoatyardError:
    return BoatyardError(Code.UNAUTHENTICATED, detail)
