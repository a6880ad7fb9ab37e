"""Loads credential files as google-auth's credentials.

https://cloud.google.com/docs/authentication/application-default-credentials#GAC. google.auth.default and
load_credentials_from_file are not used: both ask Cloud Resource Manager for the project of a federated workload.
"""

from pathlib import Path
from typing import Any, Final

from boatyard.decoding import Undecodable, decode_json

SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
_FROM_AWS: Final = "urn:ietf:params:aws:token-type:aws4_request"


def read_file(path: Path) -> dict[str, Any]:
    """The file's document, whose `type` names its kind. Raises ValueError, whose text contains nothing from the
    file."""
    try:
        found: dict[str, Any] = decode_json(path.read_bytes(), dict[str, Any])
    except OSError as error:
        raise ValueError(error.strerror or "it cannot be read") from None
    except Undecodable:
        raise ValueError("it is not a JSON object") from None
    return found


def load(document: dict[str, Any]) -> Any:
    """Credentials for access tokens. Raises ValueError for an unknown kind, and google-auth's errors."""
    scopes = [SCOPE]
    match document.get("type"):
        case "service_account":
            from google.oauth2 import service_account

            return service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
                document, scopes=scopes
            )
        case "authorized_user":
            from google.oauth2.credentials import Credentials

            # The scopes are those that the person agreed to; Google refuses a request for others.
            return Credentials.from_authorized_user_info(document)  # type: ignore[no-untyped-call]
        case "impersonated_service_account":
            from google.auth import impersonated_credentials

            return impersonated_credentials.Credentials.from_impersonated_service_account_info(  # type: ignore[no-untyped-call]
                document, scopes=scopes
            )
        case "external_account_authorized_user":
            from google.auth import external_account_authorized_user

            return external_account_authorized_user.Credentials.from_info(  # type: ignore[no-untyped-call]
                document, scopes=scopes
            )
        case "external_account":
            return _federated(document, scopes)
    raise ValueError("its type is unknown")


def _federated(document: dict[str, Any], scopes: list[str]) -> Any:
    """A workload of another identity provider. The document says which kind of token it has."""
    source = document.get("credential_source")
    if document.get("subject_token_type") == _FROM_AWS:
        from google.auth import aws

        return aws.Credentials.from_info(document, scopes=scopes)  # type: ignore[no-untyped-call]
    if isinstance(source, dict) and source.get("executable") is not None:
        from google.auth import pluggable

        return pluggable.Credentials.from_info(document, scopes=scopes)  # type: ignore[no-untyped-call]
    from google.auth import identity_pool

    return identity_pool.Credentials.from_info(document, scopes=scopes)  # type: ignore[no-untyped-call]
