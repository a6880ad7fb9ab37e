"""The client's ID tokens for each kind of credential, and the advice if there is none."""

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from boatyard_client.auth import find_auth
from boatyard_client.endpoint import Endpoint
from boatyard_client.errors import ConfigError
from boatyard_gcp import credential_files
from boatyard_gcp.auth import IdTokenAuth, audience_of, auth_for
from boatyard_gcp.id_token import IdToken, NoToken
from boatyard_gcp.id_tokens import fetch
from tests.gcp.iam import ID_TOKEN
from tests.gcp.loopback import ApiServer
from tests.gcp.metadata_server import EMAIL, MetadataServer, jwt
from tests.gcp.oauth import GCLOUDS_CLIENT, OAuth

URL = "https://boatyard-abc123-ew.a.run.app"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (URL, URL),
        (URL.upper().replace("HTTPS", "https") + "/base/", URL),
        ("https://boatyard-123456.europe-west1.run.app", "https://boatyard-123456.europe-west1.run.app"),
        (
            "https://europe-west1-project-one.cloudfunctions.net/boatyard/v1",
            "https://europe-west1-project-one.cloudfunctions.net/boatyard",
        ),
        (URL.replace("https", "http"), None),
        (URL + ".evil.example", None),
        ("https://run.app.evil.example", None),
        ("https://notrun.app", None),
        ("https://storage.googleapis.com/bucket/contexts/x", None),
        ("https://boatyard.example.com", None),
    ],
)
def test_a_token_is_made_for_the_service_that_the_address_names(url: str, expected: str | None) -> None:
    assert audience_of(url) == expected


def claims(token: str) -> Any:
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@pytest.fixture
def folder(tmp_path: Path, metadata: MetadataServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine outside Google Cloud, without gcloud."""
    monkeypatch.setenv("GCE_METADATA_HOST", "metadata.invalid")
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def use(document: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "credentials.json"
    path.write_text(json.dumps(document))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))


@pytest.fixture
def key_file(oauth: OAuth) -> dict[str, Any]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {
        "type": "service_account",
        "client_email": EMAIL,
        "private_key": key.private_bytes(*form).decode(),
        "private_key_id": "k",
        "token_uri": f"{oauth.url}/token",
    }


def test_a_function_pod_or_build_step(metadata: MetadataServer) -> None:
    found = claims(fetch(URL).text)
    assert (found["aud"], found["email"]) == (URL, EMAIL)


def test_a_key_file(key_file: dict[str, Any], oauth: OAuth, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(key_file, folder, monkeypatch)
    oauth.audience = URL
    assert claims(fetch(URL).text)["aud"] == URL
    assert "target_audience" in json.dumps(claims(oauth.bodies[0].partition("assertion=")[2].partition("&")[0]))


def test_a_person(oauth: OAuth, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cloud Run accepts tokens for gcloud's OAuth client; a person cannot get one for the service itself."""
    use(oauth.user(), folder, monkeypatch)
    to(oauth, monkeypatch)
    found = claims(fetch(URL).text)
    assert (found["aud"], found["email"]) == (GCLOUDS_CLIENT, "me@example.com")


def test_a_persons_token_is_sent_to_a_server_that_the_person_named_only(
    oauth: OAuth, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address may be of a project's file: its server could use the token at the deployment."""
    use(oauth.user(), folder, monkeypatch)
    to(oauth, monkeypatch)
    at_home = {"XDG_CONFIG_HOME": str(folder)}
    with pytest.raises(ConfigError, match=r"\(gcp\): name this address in BOATYARD_URL"):
        find_auth(Endpoint(URL, str(folder / "boatyard.toml")), environ=at_home)
    assert isinstance(find_auth(Endpoint(URL, "BOATYARD_URL"), environ={**at_home, "BOATYARD_URL": URL}), IdTokenAuth)


def test_the_same_of_the_person_who_is_signed_in_to_gcloud_alone(folder: Path) -> None:
    gcloud(folder, f"echo {jwt(GCLOUDS_CLIENT, 'me@example.com')}")
    with pytest.raises(ValueError, match="name this address in BOATYARD_URL"):
        auth_for(URL)
    assert auth_for(URL, named=True)


def test_a_token_that_cannot_be_read_counts_as_a_persons(folder: Path) -> None:
    gcloud(folder, "echo opaque.opaque.opaque")
    with pytest.raises(ValueError, match="name this address in BOATYARD_URL"):
        auth_for(URL)
    assert auth_for(URL, named=True)


def test_the_file_of_gclouds_sign_in_is_found(oauth: OAuth, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(folder))
    (folder / "application_default_credentials.json").write_text(json.dumps(oauth.user()))
    to(oauth, monkeypatch)
    assert claims(fetch(URL).text)["email"] == "me@example.com"


def to(oauth: OAuth, monkeypatch: pytest.MonkeyPatch) -> None:
    """google-auth sends a person's refresh token only to Google's address."""
    load = credential_files.load

    def moved(document: dict[str, Any]) -> Any:
        credentials = load(document)
        credentials._token_uri = f"{oauth.url}/token"
        return credentials

    monkeypatch.setattr(credential_files, "load", moved)


def test_a_federated_workload(oauth: OAuth, iam: ApiServer, metadata: MetadataServer, folder: Path,
                              monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    metadata.allow("ya29.of-the-account")
    use(oauth.federated(folder), folder, monkeypatch)
    found = claims(fetch(URL).text)
    assert (found["aud"], found["email"]) == (URL, EMAIL)
    assert oauth.paths == ["/sts", f"/v1/projects/-/serviceAccounts/{EMAIL}:generateAccessToken"]


def test_an_account_that_is_impersonated_by_gclouds_variable(
    iam: ApiServer, metadata: MetadataServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = "ci@project-one.iam.gserviceaccount.com"
    monkeypatch.setenv("CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT", other)
    found = claims(fetch(URL).text)
    assert (found["aud"], found["email"]) == (URL, other)
    iam.fail(ID_TOKEN, 403, "PERMISSION_DENIED")
    with pytest.raises(NoToken, match=f"gcloud iam service-accounts add-iam-policy-binding {other}"):
        fetch(URL)


def test_an_impersonated_account_of_a_file(
    key_file: dict[str, Any], oauth: OAuth, iam: ApiServer, metadata: MetadataServer, folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The credentials that may impersonate the account request its token."""
    metadata.allow("ya29.oauth-1")
    use(
        {
            "type": "impersonated_service_account",
            "source_credentials": key_file,
            "service_account_impersonation_url": (
                f"{oauth.url}/v1/projects/-/serviceAccounts/{EMAIL}:generateAccessToken"
            ),
        },
        folder,
        monkeypatch,
    )
    found = claims(fetch(URL).text)
    assert (found["aud"], found["email"]) == (URL, EMAIL)


def gcloud(folder: Path, script: str) -> None:
    program = folder / "gcloud"
    program.write_text(f'#!/bin/sh\necho "$@" >> {folder}/asked\n{script}\n')
    program.chmod(0o755)


def test_the_person_who_is_signed_in_to_gcloud_alone(folder: Path) -> None:
    gcloud(folder, f"echo {jwt('32555940559.apps.googleusercontent.com', 'me@example.com')}")
    assert claims(fetch(URL).text)["email"] == "me@example.com"
    assert (folder / "asked").read_text().split("\n")[:-1] == ["auth print-identity-token --quiet"]


def test_a_service_account_that_is_signed_in_to_gcloud_is_asked_for_the_address(folder: Path) -> None:
    gcloud(
        folder,
        f"""case "$*" in
      *--audiences=*) echo {jwt(URL, EMAIL)};;
      *) echo {jwt("32555940559.apps.googleusercontent.com", EMAIL)};;
    esac""",
    )
    assert claims(fetch(URL).text)["aud"] == URL
    assert (folder / "asked").read_text().endswith(f"--audiences={URL}\n")


def test_gcloud_impersonates_where_it_alone_is_signed_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT", EMAIL)
    gcloud(folder, f"echo {jwt(URL, EMAIL)}")
    assert claims(fetch(URL).text)["email"] == EMAIL
    assert (folder / "asked").read_text().endswith(f"--quiet --audiences={URL} --include-email\n")


@pytest.mark.parametrize("script", ["exit 1", "echo", "echo '<html> not a token'"])
def test_a_gcloud_that_nobody_is_signed_in_to_says_what_to_run(folder: Path, script: str) -> None:
    gcloud(folder, script)
    with pytest.raises(NoToken, match="gcloud auth login"):
        fetch(URL)


def test_no_credentials_at_all_say_what_to_run(folder: Path) -> None:
    with pytest.raises(NoToken, match=r"gcloud auth login.*GOOGLE_APPLICATION_CREDENTIALS"):
        fetch(URL)
    with pytest.raises(
        ConfigError, match=r"\(gcp\): no Google credentials were found; sign in with `gcloud auth login`"
    ):
        find_auth(Endpoint(URL, "test"), environ={})


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"type": "unheard-of"}, "its type is unknown"),
        ({"type": "external_account_authorized_user"}, "--impersonate-service-account"),
        ({"type": "service_account"}, "gcloud auth application-default login"),
        ({"type": "authorized_user"}, "gcloud auth application-default login"),
        ([], "not a JSON object"),
    ],
)
def test_credentials_that_give_no_token_say_what_to_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, change: Any, expected: str
) -> None:
    use(change, folder, monkeypatch)
    with pytest.raises(NoToken, match=expected) as caught:
        fetch(URL)
    assert "credentials.json" in str(caught.value)


def test_a_federated_workload_without_an_account_says_what_to_name(
    oauth: OAuth, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(oauth.federated(folder, account=""), folder, monkeypatch)
    with pytest.raises(NoToken, match="--service-account=EMAIL"):
        fetch(URL)


def test_a_session_that_has_ended_says_what_to_run(oauth: OAuth, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(oauth.user(), folder, monkeypatch)
    to(oauth, monkeypatch)
    oauth.refuses = True
    with pytest.raises(NoToken, match="gcloud auth application-default login") as caught:
        fetch(URL)
    assert "refresh-me" not in str(caught.value)
    oauth.refuses, oauth.without_id_token = False, True
    with pytest.raises(NoToken, match="returns no ID token for it"):
        fetch(URL)


def test_requests_carry_the_token_until_it_ends_or_is_refused() -> None:
    given = iter(range(1, 10))
    auth = IdTokenAuth(lambda: IdToken(f"t{next(given)}", 9e12))
    seen: list[str] = []
    refused = {"Bearer t1"}

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"])
        return httpx.Response(401 if seen[-1] in refused else 200)

    with httpx.Client(auth=auth, transport=httpx.MockTransport(answer)) as client:
        assert client.get(URL).status_code == client.get(URL).status_code == 200
        assert seen == ["Bearer t1", "Bearer t2", "Bearer t2"]
        refused |= {"Bearer t2", "Bearer t3"}
        assert client.get(URL).status_code == 401 and len(seen) == 5
    auth._token = IdToken("old", 0)
    assert auth.token() == "t4" and "t4" not in repr(auth) + repr(auth._token)


def test_credentials_that_end_meanwhile_are_said_in_the_requests_error() -> None:
    def nothing() -> IdToken:
        raise NoToken("sign in again")

    with (
        httpx.Client(auth=IdTokenAuth(nothing), transport=httpx.MockTransport(lambda _: httpx.Response(200))) as client,
        pytest.raises(httpx.HTTPError, match="sign in again"),
    ):
        client.get(URL)


def test_the_client_finds_the_credentials_by_the_entry_point(metadata: MetadataServer) -> None:
    assert isinstance(find_auth(Endpoint(URL, "test"), environ={}), IdTokenAuth)
    assert auth_for("https://boatyard.example.com") is None


def test_how_long_a_token_lasts_is_read_from_it(metadata: MetadataServer, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    assert fetch(URL).until == pytest.approx(time.time() + 3300, abs=5)
    monkeypatch.setattr(metadata, "answer", lambda *_: (200, "opaque"))
    assert fetch(URL).until == pytest.approx(time.time() + 3000, abs=5)
