"""ID tokens for a Cloud Run service, from each kind of Google credential.

A service takes a token that Google signed for its address
(https://cloud.google.com/run/docs/authenticating/service-to-service), and from people the one that was made for the
OAuth client of gcloud or of the SDKs (https://cloud.google.com/run/docs/authenticating/developers).
"""

import os
import re
import shutil
import subprocess
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError
from boatyard_gcp import metadata
from boatyard_gcp.faults import Need
from boatyard_gcp.identity import SIGN_IN, VARIABLE, credential_file, is_token

if TYPE_CHECKING:
    from boatyard_gcp.identity import Identity
    from boatyard_registry.transport import Transport

IMPERSONATE: Final = "CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT"
"""gcloud's own variable: which service account to be."""
_AS_AN_ACCOUNT: Final = "gcloud auth application-default login --impersonate-service-account=EMAIL"
_IMPERSONATION_URL: Final = "service_account_impersonation_url"
_ACCOUNT: Final = re.compile(r"/serviceAccounts/([^/:]+):generateAccessToken\Z")
_ACCOUNTS: Final = ".gserviceaccount.com"
_GCLOUD_SECONDS: Final = 60.0
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


class _Claims(msgspec.Struct, frozen=True):
    exp: float = 0.0
    email: str = ""


class _Generated(msgspec.Struct, frozen=True):
    token: str = ""


def fetch(audience: str, environ: Mapping[str, str] = os.environ) -> IdToken:
    """A token with which the service at `audience` knows us. Raises NoToken."""
    if account := environ.get(IMPERSONATE, "").strip():
        return _impersonated(audience, account, environ)
    if path := credential_file(environ):
        return _of_file(audience, path, environ)
    try:
        query = urlencode({"audience": audience, "format": "full"})
        found = metadata.read(f"instance/service-accounts/default/identity?{query}", environ=environ)
        return _checked(found.decode("ascii", "replace").strip(), "the metadata server")
    except metadata.NoMetadata:
        return _of_gcloud(audience, environ)
    except metadata.MetadataUnavailable as error:
        raise NoToken(f"the metadata server gives no ID token: {error}") from None


def _of_file(audience: str, path: Path, environ: Mapping[str, str]) -> IdToken:
    from boatyard_gcp.credential_files import read_file

    try:
        document = read_file(path)
    except ValueError as error:
        raise NoToken(f"{path}: {error}; {SIGN_IN}") from None
    match document.get("type"):
        case "service_account":
            return _of_key(document, audience, path)
        case "impersonated_service_account":
            return _of_impersonation(document, audience, path, environ)
        case "authorized_user":
            return _of_person(document, path)
        case "external_account":
            return _of_federation(document, audience, path, environ)
        case "external_account_authorized_user":
            raise NoToken(f"{path}: a workforce identity has no ID token of its own; use {_AS_AN_ACCOUNT}")
        case _:
            raise NoToken(f"{path}: its type is none that Google has; {SIGN_IN}")


def _of_key(document: dict[str, Any], audience: str, path: Path) -> IdToken:
    def make() -> Any:
        from google.oauth2 import service_account

        return service_account.IDTokenCredentials.from_service_account_info(  # type: ignore[no-untyped-call]
            document, target_audience=audience
        )

    return _checked(str(_refreshed(make, path).token), str(path))


def _of_impersonation(document: dict[str, Any], audience: str, path: Path, environ: Mapping[str, str]) -> IdToken:
    """By the credentials that may be the account. google-auth's own way needs requests."""
    from boatyard_gcp.identity import FileIdentity

    source, found = document.get("source_credentials"), _ACCOUNT.search(str(document.get(_IMPERSONATION_URL)))
    if not isinstance(source, dict) or not found:
        raise NoToken(f"{path}: it does not say which account is impersonated; {SIGN_IN}")
    delegates = document.get("delegates")
    try:
        identity = FileIdentity(path, document=source)
        return _generate(audience, found[1], identity, environ, delegates if isinstance(delegates, list) else [])
    except BoatyardError as error:
        raise NoToken(error.detail) from None


def _of_person(document: dict[str, Any], path: Path) -> IdToken:
    """Made for the OAuth client that the person signed in with, which Cloud Run knows."""
    from boatyard_gcp.credential_files import load

    found = _refreshed(lambda: load(document), path)
    if not found.id_token:
        raise NoToken(f"{path}: Google gives no ID token for it; run `gcloud auth application-default login` again")
    return _checked(str(found.id_token), str(path))


def _of_federation(document: dict[str, Any], audience: str, path: Path, environ: Mapping[str, str]) -> IdToken:
    """A federated token is none of Google's: the service account that it becomes has one."""
    from boatyard_gcp.identity import FileIdentity

    identity = FileIdentity(path)
    try:
        account = identity.email()
        if not account:
            raise NoToken(
                f"{path}: workload identity federation without a service account gives no ID token; name one: "
                "gcloud iam workload-identity-pools create-cred-config … --service-account=EMAIL"
            )
        return _generate(audience, account, identity, environ)
    except BoatyardError as error:
        raise NoToken(error.detail) from None


def _impersonated(audience: str, account: str, environ: Mapping[str, str]) -> IdToken:
    from boatyard_gcp.identity import find_identity

    try:
        return _generate(audience, account, find_identity(environ=environ), environ)
    except BoatyardError as error:
        raise NoToken(error.detail) from None


def _generate(
    audience: str, account: str, identity: "Identity", environ: Mapping[str, str], delegates: Sequence[str] = ()
) -> IdToken:
    from boatyard_gcp.rest import Call, Rest, segment

    need = Need(
        permission="iam.serviceAccounts.getOpenIdToken",
        resource=f"service account {account}",
        role="roles/iam.serviceAccountOpenIdTokenCreator",
        grant=f"gcloud iam service-accounts add-iam-policy-binding {account}",
    )
    call = Call(
        api="iamcredentials",
        method="POST",
        path=f"/v1/projects/-/serviceAccounts/{segment(account)}:generateIdToken",
        json={"audience": audience, "includeEmail": True, **({"delegates": delegates} if delegates else {})},
        need=need,
    )
    return _checked(Rest(identity, environ=environ).read(call, _Generated).token, account)


def _of_gcloud(audience: str, environ: Mapping[str, str]) -> IdToken:
    """Who is signed in to gcloud alone: `gcloud auth login` leaves no file that others read.

    gcloud refuses an audience for people, and a service takes a service account's token for its own address only.
    """
    program = shutil.which("gcloud", path=environ.get("PATH"))
    advice = "sign in with `gcloud auth login`, or with `gcloud auth application-default login`"
    if program is None:
        raise NoToken(f"no Google credentials were found; {advice}, or name a credential file in {VARIABLE}")
    token = _print_token(program, environ)
    if _claims(token).email.endswith(_ACCOUNTS):
        token = _print_token(program, environ, f"--audiences={audience}")
    if not is_token(token):
        raise NoToken(f"no Google credentials were found, and gcloud gives no ID token; {advice}")
    return _checked(token, "gcloud")


def _print_token(program: str, environ: Mapping[str, str], *options: str) -> str:
    """Empty without one."""
    try:
        done = subprocess.run(
            [program, "auth", "print-identity-token", "--quiet", *options],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GCLOUD_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if done.returncode else done.stdout.decode("ascii", "replace").strip()


def _refreshed(make: Callable[[], Any], path: Path) -> Any:
    from google.auth.exceptions import GoogleAuthError, TransportError

    from boatyard_gcp.google_transport import GoogleRequest

    try:
        credentials = make()
        credentials.refresh(GoogleRequest(_transport()))
    except TransportError as error:
        raise NoToken(f"{path}: Google gives no ID token now: {error}") from None
    except (GoogleAuthError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoToken(f"{path}: Google gives no ID token for it ({type(error).__name__}); {SIGN_IN}") from None
    return credentials


def _transport() -> "Transport":
    from boatyard_registry.transport import HttpTransport

    return HttpTransport()


def _checked(token: str, source: str) -> IdToken:
    if not is_token(token):
        raise NoToken(f"{source} gives no ID token that can be read")
    return IdToken(token, _until(token))


def _until(token: str) -> float:
    """By its own claim, which decides nothing but when we ask again."""
    now, expires = time.time(), _claims(token).exp
    return (expires if expires > now else now + _LIFETIME_SECONDS) - _SPARE_SECONDS


def _claims(token: str) -> _Claims:
    """What the token says of itself, unverified."""
    try:
        part = token.split(".")[1]
        return decode_json(urlsafe_b64decode(part + "=" * (-len(part) % 4)), _Claims)
    except (IndexError, ValueError, Undecodable):
        return _Claims()
