"""An ID token, and why there is none."""

import time
from base64 import urlsafe_b64decode
from typing import Final

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard_serverless.rest import is_token

_SPARE_SECONDS: Final = 300.0
_LIFETIME_SECONDS: Final = 3_300.0
"""Of a token whose own claims cannot be read: Google's last an hour."""


class NoToken(Exception):
    """These credentials give no ID token. The text says what to do."""


class IdToken(msgspec.Struct, frozen=True):
    text: str
    until: float
    """When to fetch the next one, on `time.time`."""

    def __repr__(self) -> str:
        return "IdToken(…)"


class Claims(msgspec.Struct, frozen=True):
    """What a token says of itself, unverified: it decides nothing but what we do next."""

    exp: float = 0.0
    email: str = ""


def checked(token: str, source: str) -> IdToken:
    """Raises NoToken that names the source for what is none."""
    if not is_token(token):
        raise NoToken(f"{source} gives no ID token that can be read")
    now, expires = time.time(), claims_of(token).exp
    return IdToken(token, (expires if expires > now else now + _LIFETIME_SECONDS) - _SPARE_SECONDS)


def claims_of(token: str) -> Claims:
    try:
        part = token.split(".")[1]
        return decode_json(urlsafe_b64decode(part + "=" * (-len(part) % 4)), Claims)
    except (IndexError, ValueError, Undecodable):
        return Claims()
