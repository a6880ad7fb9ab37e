"""Who calls: the e-mail in the ID token that Cloud Run's IAM has checked.

https://cloud.google.com/run/docs/authenticating/service-to-service: Cloud Run checks X-Serverless-Authorization if it
is sent, else Authorization, and puts SIGNATURE_REMOVED_BY_GOOGLE in the place of the signature before it passes the
request on. Anybody can write such a token, so it proves something only where no request comes in unchecked.
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
"""The one that Cloud Run checks comes first. Once it is there, the other is whatever the caller wrote."""
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
    """The caller's e-mail. `headers` have lower-case names. Raises UNAUTHENTICATED, without a word of the token."""
    name = next((each for each in _HEADERS if each in headers), "")
    if not name:
        raise _refused("Cloud Run passed no token on: it must be called with an ID token")
    value = headers[name]
    found = _BEARER.match(value) if len(value) <= _LONGEST else None
    if not found:
        raise _refused(f"what {name} says is no ID token")
    if found[3] != REMOVED:
        raise _refused(f"the token in {name} has its signature, so Cloud Run's IAM has not checked it")
    claims = _claims(found[2])
    if claims.iss not in _ISSUERS:
        raise _refused("the token is none of Google's")
    if not claims.email:
        raise _refused(
            "the token has no e-mail; ask for one that has (format=full at the metadata server, includeEmail of "
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
