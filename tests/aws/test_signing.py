"""The client's signature is verified by a second implementation of the SigV4 specification."""

import hashlib
import hmac
import io
import json
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from boatyard_aws.auth import Destination, auth_for, destination_of
from boatyard_aws.credential import login
from boatyard_client.auth import find_auth
from boatyard_client.client import Client
from boatyard_client.endpoint import Endpoint
from boatyard_client.errors import ClientError
from boatyard_serverless.credential_helper import NOT_FOUND, answer
from tests.aws.cloud import KEY_ID, SECRET, Cloud

URL = "https://abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-west-1.on.aws"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (URL, Destination("lambda", "eu-west-1")),
        (URL.upper().replace("HTTPS", "https") + "/x", Destination("lambda", "eu-west-1")),
        ("https://a1b2.execute-api.us-east-2.amazonaws.com/prod", Destination("execute-api", "us-east-2")),
        ("https://boatyard.example.com", None),
        (URL + ".evil.example", None),
        (URL.replace("https", "http"), None),
        ("https://bucket.s3.eu-west-1.amazonaws.com/contexts/x", None),
    ],
)
def test_what_an_address_is_signed_for_is_in_its_name(url: str, expected: Destination | None) -> None:
    assert destination_of(url) == expected


def signature(request: httpx.Request, body: bytes) -> str:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html"""
    authorization = request.headers["authorization"]
    assert authorization.startswith(f"AWS4-HMAC-SHA256 Credential={KEY_ID}/")
    names = authorization.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    date, region, service, _ = authorization.partition("/")[2].partition(",")[0].split("/")
    pairs = sorted(part.partition("=")[::2] for part in request.url.query.decode().split("&") if part)
    lines = [
        request.method,
        quote(request.url.raw_path.decode().partition("?")[0], safe="/~"),
        "&".join(f"{name}={value}" for name, value in pairs),
        *(f"{name}:{request.headers[name].strip()}" for name in names),
        "",
        ";".join(names),
        hashlib.sha256(body).hexdigest(),
    ]
    scope = f"{date}/{region}/{service}/aws4_request"
    canonical = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{request.headers['x-amz-date']}\n{scope}\n{canonical}"
    key = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


def test_the_installed_signer_is_found_and_every_request_verifies(cloud: Cloud) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"status": "ok", "builds": [], "nextPageToken": ""})

    assert find_auth(Endpoint(URL, "test")) is not None
    with Client(URL, over=httpx.MockTransport(answer)) as client:
        client.health()
        client.builds(project="ml", page_token="a b/ü")
    for request in seen:
        claimed = request.headers["authorization"].rpartition("Signature=")[2]
        assert claimed == signature(request, request.content)
        assert claimed != signature(request, request.content + b"x")
        assert "/eu-west-1/lambda/" in request.headers["authorization"]


def test_a_body_and_a_session_token_are_signed(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "the-token")
    auth = auth_for(URL)
    assert auth
    request = httpx.Request("POST", f"{URL}/v1/builds", json={"a": "ü"})
    signed = next(auth.sync_auth_flow(request))
    assert signed.headers["x-amz-security-token"] == "the-token"
    assert signed.headers["authorization"].rpartition("Signature=")[2] == signature(signed, signed.content)


def test_an_upload_elsewhere_is_not_signed(cloud: Cloud) -> None:
    from boatyard_client.transport import ApiTransport

    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    transport = ApiTransport(Endpoint(URL, "test"), over=httpx.MockTransport(answer))
    transport.put("https://b.s3.eu-west-1.amazonaws.com/contexts/x", io.BytesIO(b"abc"), 3, {}, lambda sent: None)
    assert "authorization" not in seen[0].headers


def test_without_credentials_the_client_says_what_to_do(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(ClientError, match="sign in"):
        Client(URL)


def ask(verb: str, text: str = "") -> tuple[int, str]:
    told = io.StringIO()
    return answer(login, [verb], io.StringIO(text), told), told.getvalue()


def test_the_credential_helper_mints_a_token_for_the_registrys_region(cloud: Cloud) -> None:
    server = "999999999999.dkr.ecr.us-west-2.amazonaws.com"
    status, told = ask("get", server)
    given = json.loads(told)
    assert status == 0 and given["ServerURL"] == server and given["Username"] == "AWS" and given["Secret"]


def test_the_credential_helper_knows_no_other_registry_and_keeps_nothing(cloud: Cloud) -> None:
    assert ask("get", "ghcr.io") == (1, NOT_FOUND)
    assert ask("store", "{}") == ask("erase", "x") == (0, "")
    assert ask("list") == (0, "{}")
    assert ask("help")[0] == 1


def test_the_credential_helper_says_which_permission_is_missing(cloud: Cloud) -> None:
    cloud.fail("GetAuthorizationToken", "AccessDeniedException")
    status, told = ask("get", "999999999999.dkr.ecr.us-west-2.amazonaws.com")
    assert status == 1 and "ecr:GetAuthorizationToken" in told
