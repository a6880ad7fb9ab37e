"""An ID token, and the error if there is none."""

import time
from base64 import urlsafe_b64decode
from typing import Final

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard_serverless.rest import is_token

_SPARE_SECONDS: Final = 300.0
_LIFETIME_SECONDS: Final = 3_300.0
"""For a token whose claims cannot be read. Google's tokens are valid for an hour."""


class NoToken(Exception):
    """These credentials provide no ID token. The text says what to do."""


class IdToken(msgspec.Struct, frozen=True):
    text: str
    until: float
    """When to fetch the next one, in seconds since 1970."""
    audience: str = ""
    """The only service that accepts it. For a person's it is Google's OAuth client, whose tokens each service accepts
    that lets the person in. Empty if it cannot be read."""

    def __repr__(self) -> str:
        return "IdToken(…)"


class Claims(msgspec.Struct, frozen=True):
    """A token's claims, unverified. They only decide what the client does next, not who may do what."""

    exp: float = 0.0
    email: str = ""
    aud: str = ""


def checked(token: str, source: str) -> IdToken:
    """Raises NoToken, which names the source, if the text is not an ID token."""
    if not is_token(token):
        raise NoToken(f"{source} returns no readable ID token")
    now, claims = time.time(), claims_of(token)
    ends = claims.exp if claims.exp > now else now + _LIFETIME_SECONDS
    return IdToken(token, ends - _SPARE_SECONDS, claims.aud)


def claims_of(token: str) -> Claims:
    try:
        part = token.split(".")[1]
        return decode_json(urlsafe_b64decode(part + "=" * (-len(part) % 4)), Claims)
    except (IndexError, ValueError, Undecodable):
        return Claims()
