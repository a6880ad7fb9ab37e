"""Tokens are a credential file's or else the metadata server's; without both, the error gives advice."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from boatyard.errors import BoatyardError
from boatyard_gcp import metadata as metadata_room
from boatyard_gcp.identity import FileIdentity, MetadataIdentity, find_identity
from boatyard_registry.http_transport import HttpTransport
from tests.gcp.metadata_server import EMAIL, MetadataServer
from tests.gcp.oauth import OAuth


def identity_of(document: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> FileIdentity:
    path = folder / "credentials.json"
    path.write_text(json.dumps(document))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    found = find_identity(HttpTransport())
    assert isinstance(found, FileIdentity)
    return found


def test_a_function_is_its_service_account(metadata: MetadataServer) -> None:
    found = find_identity(HttpTransport())
    assert isinstance(found, MetadataIdentity)
    assert found.email() == EMAIL and metadata.knows(f"Bearer {found.token()}")


def test_a_function_imports_no_google_auth(metadata: MetadataServer) -> None:
    code = "import sys, boatyard_gcp.rest as r; r.GoogleRest().identity.token(); print('google.auth' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


def test_a_metadata_server_that_is_not_ready_is_waited_for(metadata: MetadataServer) -> None:
    metadata.failures = [503, 500, 429]
    assert MetadataIdentity().token()


@pytest.mark.parametrize("token", ["", "a b", "a\nb", "ü", "x" * 20_000])
def test_a_token_that_no_header_can_carry_is_refused(
    metadata: MetadataServer, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setattr(metadata, "allow", lambda _: token)
    with pytest.raises(BoatyardError, match="no readable token") as caught:
        MetadataIdentity().token()
    assert caught.value.code == "DATAPLANE_UNAVAILABLE"


def test_a_metadata_server_that_is_none_of_googles_is_not_believed(metadata: MetadataServer) -> None:
    metadata.flavor = "Acme Wi-Fi"
    with pytest.raises(BoatyardError, match="gcloud auth application-default login") as caught:
        MetadataIdentity().token()
    assert caught.value.code == "DATAPLANE_DENIED"


def test_a_machine_without_credentials_says_how_to_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GCE_METADATA_HOST", "metadata.invalid")
    with pytest.raises(BoatyardError, match="gcloud auth application-default login") as caught:
        MetadataIdentity().token()
    assert caught.value.code == "DATAPLANE_DENIED"


def test_a_metadata_server_that_is_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GCE_METADATA_HOST", "127.0.0.1:1")
    with pytest.raises(metadata_room.MetadataUnavailable, match="does not answer"):
        metadata_room.read("instance/service-accounts/default/token", patience_seconds=0.5)


def test_a_key_file(oauth: OAuth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    document = {"type": "service_account", "client_email": EMAIL, "private_key": pem, "private_key_id": "k",
                "token_uri": f"{oauth.url}/token"}  # fmt: skip
    found = identity_of(document, tmp_path, monkeypatch)
    assert found.email() == EMAIL and found.token() == found.token() == "ya29.oauth-1"
    assert found.token(refused="ya29.oauth-1") == "ya29.oauth-2"


def test_a_person(oauth: OAuth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = identity_of(oauth.user(), tmp_path, monkeypatch)
    monkeypatch.setattr(found._load(), "_token_uri", f"{oauth.url}/token")
    assert found.token() == "ya29.oauth-1" and found.email() == ""


def test_a_federated_workload_asks_for_no_projects_name(
    oauth: OAuth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = identity_of(oauth.federated(tmp_path), tmp_path, monkeypatch)
    assert found.email() == EMAIL and found.token() == "ya29.of-the-account"
    assert oauth.paths == ["/sts", f"/v1/projects/-/serviceAccounts/{EMAIL}:generateAccessToken"]


def test_credentials_that_google_no_longer_takes_say_how_to_sign_in(
    oauth: OAuth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    oauth.refuses = True
    found = identity_of(oauth.user(), tmp_path, monkeypatch)
    monkeypatch.setattr(found._load(), "_token_uri", f"{oauth.url}/token")
    with pytest.raises(BoatyardError, match="gcloud auth application-default login") as caught:
        found.token()
    assert caught.value.code == "DATAPLANE_DENIED" and "refresh-me" not in caught.value.detail


@pytest.mark.parametrize("text", [None, "", "{}", '{"type": "unheard-of"}', "[1]", '{"type": "service_account"}'])
def test_a_file_that_cannot_be_read_is_named(text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "credentials.json"
    if text is not None:
        path.write_text(text)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    with pytest.raises(BoatyardError, match=r"credentials\.json holds no Google credentials") as caught:
        find_identity(HttpTransport()).token()
    assert caught.value.code == "DATAPLANE_DENIED"
