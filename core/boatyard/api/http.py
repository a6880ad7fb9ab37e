"""Requests and responses, independent of any transport."""

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
    """The caller's identity from the cloud's edge: an ARN, an email address, an object id. Empty on loopback."""


def too_large(most: int) -> BoatyardError:
    """The error for a body of more than `most` bytes. An edge that can count them answers before it reads them."""
    return BoatyardError(
        Code.CONTEXT_TOO_LARGE, f"the request has more than {most:,} bytes; files go to POST /v1/contexts"
    )


class Response(msgspec.Struct, frozen=True, kw_only=True):
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}
    settled: bool = True
    """False if a request with `wait` should keep waiting for another answer."""
