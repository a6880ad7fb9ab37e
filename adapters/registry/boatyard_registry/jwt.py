"""When a JSON web token ends (RFC 7519). Nothing verifies it: whoever issued it is who takes it back."""

import base64

import msgspec

from boatyard.decoding import Undecodable, decode_json


class _Claims(msgspec.Struct, frozen=True):
    exp: float = 0.0


def ends_at(token: str) -> float:
    """In seconds since 1970; 0 for another token, or one that does not say."""
    part = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        return decode_json(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)), _Claims).exp
    except (Undecodable, ValueError):
        return 0.0
