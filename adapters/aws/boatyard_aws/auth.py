"""Signs the client's requests with the caller's AWS credentials (SigV4), found as the AWS SDKs find them.

Installed beside the client, this is an entry point of the group `boatyard.auth`. It claims function URLs and API
Gateway's own addresses, whose host names contain the service and region to sign for
(https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html). Presigned upload URLs have other hosts and contain their
own signature: the client sends no credentials to them.
"""

import re
from collections.abc import Generator
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

import httpx

if TYPE_CHECKING:
    from botocore.credentials import Credentials

_HOSTS: Final = {
    "lambda": re.compile(r"[a-z0-9]+\.lambda-url\.([a-z0-9-]+)\.on\.aws\Z"),
    "execute-api": re.compile(r"[a-z0-9]+\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\Z"),
}


class Destination(NamedTuple):
    service: str
    region: str


def destination_of(url: str) -> Destination | None:
    """The service and region to sign for; None for an address where AWS checks no signature."""
    parts = urlsplit(url)
    if parts.scheme.lower() != "https":
        return None  # over plain HTTP, anybody could read a session token
    host = (parts.hostname or "").lower()
    found = ((service, pattern.match(host)) for service, pattern in _HOSTS.items())
    return next((Destination(service, match[1]) for service, match in found if match), None)


def auth_for(url: str, *, named: bool = False) -> httpx.Auth | None:
    """The entry point. Raises ValueError if the address is AWS's and there are no credentials.

    `named` does not matter: a signature is valid at its own host only.
    """
    destination = destination_of(url)
    if destination is None:
        return None
    from boto3.session import Session

    credentials = Session().get_credentials()
    if credentials is None:
        raise ValueError("no AWS credentials were found; sign in with `aws sso login`, or set AWS_PROFILE")
    return SigV4(credentials, destination)


class SigV4(httpx.Auth):
    """Signs each request with its body. Credentials are renewed before they expire."""

    requires_request_body = True

    def __init__(self, credentials: "Credentials", destination: Destination) -> None:
        self._credentials = credentials
        self._destination = destination

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Raises httpx.HTTPError if the credentials cannot be renewed, for example after the end of an SSO session."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            frozen = self._credentials.get_frozen_credentials()
        except (BotoCoreError, ClientError) as error:
            raise httpx.HTTPError(f"the AWS credentials cannot be renewed; sign in again ({error})") from error
        # Sign only what nothing in between may change: host, date, content type and body.
        signed = AWSRequest(method=request.method, url=str(request.url), data=request.content)
        if kind := request.headers.get("content-type"):
            signed.headers["content-type"] = kind
        SigV4Auth(frozen, self._destination.service, self._destination.region).add_auth(signed)
        for name in ("Authorization", "X-Amz-Date", "X-Amz-Security-Token"):
            if value := signed.headers.get(name):
                request.headers[name] = value
        yield request
