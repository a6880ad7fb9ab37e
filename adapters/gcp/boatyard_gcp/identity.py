"""Google credentials: access tokens, and the service account's e-mail.

They are found as google-auth finds them (https://cloud.google.com/docs/authentication/application-default-credentials):
a file that GOOGLE_APPLICATION_CREDENTIALS names, the file of `gcloud auth application-default login`, the metadata
server. A function has no file, so it imports neither google-auth nor cryptography (0.13 s and 19 MB).
"""

import os
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError, Code
from boatyard_gcp import metadata
from boatyard_serverless.rest import is_token

if TYPE_CHECKING:
    from boatyard_registry.transport import Transport

VARIABLE: Final = "GOOGLE_APPLICATION_CREDENTIALS"
SIGN_IN: Final = "sign in with `gcloud auth application-default login`, or name a credential file in " + VARIABLE
_SPARE_SECONDS: Final = 225
"""The metadata server returns the same token until four minutes before it expires."""


class GoogleIdentity(Protocol):
    """Thread-safe. Every method raises DATAPLANE_DENIED if there are no credentials, DATAPLANE_UNAVAILABLE if none can
    be obtained now."""

    def token(self, *, refused: str = "") -> str:
        """An OAuth access token. `refused` is one that an API no longer accepts."""
        ...

    def email(self) -> str:
        """The service account's e-mail; empty for a person."""
        ...


def find_identity(transport: "Transport | None" = None, environ: Mapping[str, str] = os.environ) -> GoogleIdentity:
    """Sends no request yet. A file's credentials are renewed over `transport`."""
    path = credential_file(environ)
    return FileIdentity(path, transport) if path else MetadataIdentity(environ)


def credential_file(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The credential file of the environment or of gcloud. A file that a variable names may be missing."""
    if named := environ.get(VARIABLE, "").strip():
        return Path(named)
    path = _gcloud_folder(environ) / "application_default_credentials.json"
    return path if path.is_file() else None


def _gcloud_folder(environ: Mapping[str, str]) -> Path:
    if named := environ.get("CLOUDSDK_CONFIG"):
        return Path(named)
    if sys.platform == "win32":
        return Path(environ.get("APPDATA", "")) / "gcloud"
    return Path(environ.get("HOME") or Path.home()) / ".config" / "gcloud"


class _Token(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: float = 0.0


class MetadataIdentity:
    """The service account that this function, pod or build step runs as."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ
        self._lock = threading.Lock()
        self._token = ""
        self._until = 0.0
        self._email = ""

    def token(self, *, refused: str = "") -> str:
        with self._lock:
            if not self._token or self._token == refused or time.monotonic() >= self._until:
                self._renew()
            return self._token

    def email(self) -> str:
        with self._lock:
            if not self._email:
                self._email = self._read("email").decode("ascii", "replace").strip()
            return self._email

    def _renew(self) -> None:
        try:
            found = decode_json(self._read("token"), _Token)
        except Undecodable:
            raise _unavailable("the metadata server returns no readable token") from None
        if not is_token(found.access_token):
            raise _unavailable("the metadata server returns no readable token")
        self._token = found.access_token
        self._until = time.monotonic() + max(found.expires_in - _SPARE_SECONDS, 5)

    def _read(self, name: str) -> bytes:
        try:
            return metadata.read(f"instance/service-accounts/default/{name}", environ=self._environ)
        except metadata.NoMetadata:
            raise BoatyardError(Code.DATAPLANE_DENIED, f"there are no Google credentials; {SIGN_IN}") from None
        except metadata.MetadataUnavailable as error:
            raise _unavailable(f"the metadata server returns no {name}: {error}") from None


class FileIdentity:
    """The identity in a credential file: a key, a person, an impersonated account or a federated workload."""

    def __init__(
        self, path: Path, transport: "Transport | None" = None, *, document: dict[str, Any] | None = None
    ) -> None:
        """`document` replaces the file's contents."""
        self._path = path
        self._document = document
        self._transport = transport
        self._lock = threading.RLock()
        self._credentials: Any = None

    def token(self, *, refused: str = "") -> str:
        with self._lock:
            credentials = self._load()
            if not credentials.valid or credentials.token == refused:
                self._refresh(credentials)
            return str(credentials.token)

    def email(self) -> str:
        with self._lock:
            found = getattr(self._load(), "service_account_email", None)
        return found if isinstance(found, str) and found != "default" else ""

    def _load(self) -> Any:
        if self._credentials is None:
            from google.auth.exceptions import GoogleAuthError

            from boatyard_gcp.credential_files import load, read_file

            try:
                self._credentials = load(self._document or read_file(self._path))
            except (GoogleAuthError, ValueError, KeyError, TypeError, AttributeError) as error:
                raise BoatyardError(
                    Code.DATAPLANE_DENIED, f"{self._path} holds no Google credentials ({_reason(error)}); {SIGN_IN}"
                ) from None
        return self._credentials

    def _sender(self) -> "Transport":
        if self._transport is None:
            from boatyard_registry.http_transport import HttpTransport

            self._transport = HttpTransport()
        return self._transport

    def _refresh(self, credentials: Any) -> None:
        from google.auth.exceptions import GoogleAuthError, TransportError

        from boatyard_gcp.google_transport import GoogleRequest

        try:
            credentials.refresh(GoogleRequest(self._sender()))
        except TransportError as error:
            raise _unavailable(f"no Google access token can be obtained now: {error}") from None
        except (GoogleAuthError, OSError, ValueError) as error:
            raise BoatyardError(
                Code.DATAPLANE_DENIED,
                f"Google no longer accepts the credentials in {self._path} ({type(error).__name__}); {SIGN_IN}",
            ) from None


def _reason(error: Exception) -> str:
    """Only the text of Boatyard's own errors: google-auth's may quote the file."""
    return str(error) if type(error) is ValueError and str(error).startswith("it") else type(error).__name__


def _unavailable(detail: str) -> BoatyardError:
    return BoatyardError(Code.DATAPLANE_UNAVAILABLE, detail)
