"""ID tokens for a Cloud Run service, from each kind of Google credential.

A service accepts a token that Google signed for its address
(https://cloud.google.com/run/docs/authenticating/service-to-service), and from people one that was issued to the OAuth
client of gcloud or of the SDKs (https://cloud.google.com/run/docs/authenticating/developers).
"""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import msgspec

from boatyard.errors import BoatyardError, Code
from boatyard_gcp import gcloud, metadata
from boatyard_gcp.faults import NeededRole
from boatyard_gcp.id_token import IdToken, NoToken, checked
from boatyard_gcp.identity import SIGN_IN, credential_file

if TYPE_CHECKING:
    from boatyard_gcp.identity import GoogleIdentity
    from boatyard_registry.transport import Transport

_AS_AN_ACCOUNT: Final = "gcloud auth application-default login --impersonate-service-account=EMAIL"
_IMPERSONATION_URL: Final = "service_account_impersonation_url"
_ACCOUNT: Final = re.compile(r"/serviceAccounts/([^/:]+):generateAccessToken\Z")


class _Generated(msgspec.Struct, frozen=True):
    token: str = ""


def fetch(audience: str, environ: Mapping[str, str] = os.environ) -> IdToken:
    """A token for the service at `audience`. Raises NoToken."""
    if account := environ.get(gcloud.IMPERSONATE, "").strip():
        return _impersonated(audience, account, environ)
    if path := credential_file(environ):
        return _of_file(audience, path, environ)
    try:
        query = urlencode({"audience": audience, "format": "full"})
        found = metadata.read(f"instance/service-accounts/default/identity?{query}", environ=environ)
        return checked(found.decode("ascii", "replace").strip(), "the metadata server")
    except metadata.NoMetadata:
        return gcloud.fetch(audience, environ)
    except metadata.MetadataUnavailable as error:
        raise NoToken(f"the metadata server returns no ID token: {error}") from None


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
            raise NoToken(f"{path}: a workforce identity has no ID token; use {_AS_AN_ACCOUNT}")
        case _:
            raise NoToken(f"{path}: its type is unknown; {SIGN_IN}")


def _of_key(document: dict[str, Any], audience: str, path: Path) -> IdToken:
    def make() -> Any:
        from google.oauth2 import service_account

        return service_account.IDTokenCredentials.from_service_account_info(  # type: ignore[no-untyped-call]
            document, target_audience=audience
        )

    return checked(str(_refreshed(make, path).token), str(path))


def _of_impersonation(document: dict[str, Any], audience: str, path: Path, environ: Mapping[str, str]) -> IdToken:
    """With the credentials that may impersonate the account. google-auth's own class needs the requests library."""
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
    """A token issued to the OAuth client that the person signed in with, which Cloud Run accepts."""
    from boatyard_gcp.credential_files import load

    found = _refreshed(lambda: load(document), path)
    if not found.id_token:
        raise NoToken(f"{path}: Google returns no ID token for it; run `gcloud auth application-default login` again")
    return checked(str(found.id_token), str(path))


def _of_federation(document: dict[str, Any], audience: str, path: Path, environ: Mapping[str, str]) -> IdToken:
    """A federated token is not an ID token of Google; the service account that it impersonates has one."""
    from boatyard_gcp.identity import FileIdentity

    identity = FileIdentity(path)
    try:
        account = identity.email()
        if not account:
            raise NoToken(
                f"{path}: workload identity federation without a service account provides no ID token; name one: "
                "gcloud iam workload-identity-pools create-cred-config … --service-account=EMAIL"
            )
        return _generate(audience, account, identity, environ)
    except BoatyardError as error:
        raise NoToken(error.detail) from None


def _impersonated(audience: str, account: str, environ: Mapping[str, str]) -> IdToken:
    from boatyard_gcp.identity import find_identity

    identity = find_identity(environ=environ)
    try:
        identity.token()
    except BoatyardError as error:
        if error.code != Code.DATAPLANE_DENIED or credential_file(environ):
            raise NoToken(error.detail) from None
        return gcloud.fetch(audience, environ)
    try:
        return _generate(audience, account, identity, environ)
    except BoatyardError as error:
        raise NoToken(error.detail) from None


def _generate(
    audience: str, account: str, identity: "GoogleIdentity", environ: Mapping[str, str], delegates: Sequence[str] = ()
) -> IdToken:
    from boatyard_gcp.rest import GoogleCall, GoogleRest
    from boatyard_serverless.rest import segment

    need = NeededRole(
        permission="iam.serviceAccounts.getOpenIdToken",
        resource=f"service account {account}",
        role="roles/iam.serviceAccountOpenIdTokenCreator",
        grant=f"gcloud iam service-accounts add-iam-policy-binding {account}",
    )
    call = GoogleCall(
        api="iamcredentials",
        method="POST",
        path=f"/v1/projects/-/serviceAccounts/{segment(account)}:generateIdToken",
        json={"audience": audience, "includeEmail": True, **({"delegates": delegates} if delegates else {})},
        need=need,
    )
    return checked(GoogleRest(identity, environ=environ).read(call, _Generated).token, account)


def _refreshed(make: Callable[[], Any], path: Path) -> Any:
    from google.auth.exceptions import GoogleAuthError, TransportError

    from boatyard_gcp.google_transport import GoogleRequest

    try:
        credentials = make()
        credentials.refresh(GoogleRequest(_transport()))
    except TransportError as error:
        raise NoToken(f"{path}: Google returns no ID token now: {error}") from None
    except (GoogleAuthError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoToken(f"{path}: Google returns no ID token for it ({type(error).__name__}); {SIGN_IN}") from None
    return credentials


def _transport() -> "Transport":
    from boatyard_registry.http_transport import HttpTransport

    return HttpTransport()
