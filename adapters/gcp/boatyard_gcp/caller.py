"""Finds the caller: the e-mail in the ID token that Cloud Run's IAM has checked.

https://cloud.google.com/run/docs/authenticating/service-to-service: Cloud Run checks X-Serverless-Authorization if it
is sent, else Authorization, and replaces the signature by SIGNATURE_REMOVED_BY_GOOGLE before it forwards the request.
Anybody can write such a token, so it is proof only where every request is checked. Decision 0028 says what of this is
documented, what is reported, and how to try it.
"""

import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Final

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError, Code

REMOVED: Final = "SIGNATURE_REMOVED_BY_GOOGLE"
_HEADERS: Final = ("x-serverless-authorization", "authorization")
"""Cloud Run checks the first of these that a request has, and does not check the other."""
_BEARER: Final = re.compile(r"[Bb]earer +([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\Z")
_LONGEST: Final = 16 * 1024
_ISSUERS: Final = frozenset({"accounts.google.com", "https://accounts.google.com"})
_EMAIL: Final = re.compile(r"[!-?A-~]{1,64}@[A-Za-z0-9.-]{1,255}\Z", re.ASCII)


class _Claims(msgspec.Struct, frozen=True):
    """https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload"""

    iss: str = ""
    email: str = ""
    email_verified: bool = False


def caller_of(headers: Mapping[str, str]) -> str:
    """The caller's e-mail. `headers` have lower-case names. Raises UNAUTHENTICATED; the error contains no part of the
    token."""
    name = next((each for each in _HEADERS if each in headers), "")
    if not name:
        raise _refused("Cloud Run forwarded no token: send an ID token")
    value = headers[name]
    found = _BEARER.match(value) if len(value) <= _LONGEST else None
    if not found:
        raise _refused(f"{name} does not contain an ID token")
    if found[3] != REMOVED:
        raise _refused(f"the token in {name} has its signature, so Cloud Run's IAM has not checked it")
    claims = _claims(found[2])
    if claims.iss not in _ISSUERS:
        raise _refused("Google did not issue the token")
    if not claims.email:
        raise _refused(
            "the token has no e-mail; request one with e-mail (format=full at the metadata server, includeEmail of "
            "generateIdToken, gcloud auth print-identity-token --include-email)"
        )
    if not claims.email_verified or not _EMAIL.match(claims.email):
        raise _refused("the token's e-mail is not verified")
    return claims.email


def _claims(part: str) -> _Claims:
    try:
        return decode_json(urlsafe_b64decode(part + "=" * (-len(part) % 4)), _Claims)
    except (ValueError, Undecodable):
        raise _refused("the token's claims cannot be read") from None


def _refused(detail: str) -> BoatyardError:
    return BoatyardError(Code.UNAUTHENTICATED, detail)
