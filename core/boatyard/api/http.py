"""A request and a response, as every transport can give and take them."""

from collections.abc import Mapping

import msgspec

from boatyard.errors import BoatyardError, Code


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """`headers` have lower-case names; `path` is decoded and starts with `/`."""

    method: str
    path: str
    query: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    body: bytes = b""
    caller: str = ""
    """Who the cloud's edge says is asking: an ARN, an email address, an object id. Empty on loopback."""


def too_large(most: int) -> BoatyardError:
    """The refusal of a body of more than `most` bytes: an edge that can count them gives it before it reads them."""
    return BoatyardError(
        Code.CONTEXT_TOO_LARGE, f"the request has more than {most:,} bytes; files go to POST /v1/contexts"
    )


class Response(msgspec.Struct, frozen=True, kw_only=True):
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}
    settled: bool = True
    """False if the answer may be another one soon: what a request with `wait` waits for has not come."""
