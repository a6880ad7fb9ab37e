"""The client's tokens: whom they are for, where they are sent, and what to do where there is none."""

import json
import time
from pathlib import Path

import httpx
import pytest

from boatyard_azure.auth import EntraAuth, EntraToken, NoEntraToken, auth_for
from boatyard_azure.sign_in_advice import advice
from boatyard_client.auth import find_auth
from boatyard_client.endpoint import Endpoint
from boatyard_client.errors import ConfigError

URL = "https://boatyard-x1.azurewebsites.net"
SCOPE = "api://11111111-2222-3333-4444-555555555555/.default"


@pytest.fixture
def signed_in(nowhere: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """`az`, as azure-identity calls it; returns the file with its arguments."""
    monkeypatch.setenv("BOATYARD_TOKEN_SCOPE", SCOPE)
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "AzureCliCredential")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return az(tmp_path, f"echo '{json.dumps({'accessToken': 'persons-token', 'expires_on': int(time.time()) + 3600})}'")


def az(folder: Path, does: str) -> Path:
    program = folder / "az"
    program.write_text(f'#!/bin/sh\necho "$@" >> {folder}/asked\n{does}\n')
    program.chmod(0o755)
    return folder / "asked"


def sent(auth: httpx.Auth, *statuses: int) -> list[str]:
    """The tokens of the requests that one call makes; each is answered with the next status."""
    tokens: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        tokens.append(request.headers["authorization"])
        return httpx.Response(statuses[min(len(tokens), len(statuses)) - 1])

    with httpx.Client(transport=httpx.MockTransport(answer), auth=auth) as client:
        client.get(f"{URL}/v1/capabilities")
    return tokens


def test_a_person_calls_as_who_signed_in(signed_in: Path) -> None:
    auth = auth_for(f"{URL}/", named=True)
    assert auth and sent(auth, 200) == ["Bearer persons-token"]
    assert f"--scope {SCOPE}" in signed_in.read_text() or SCOPE.removesuffix("/.default") in signed_in.read_text()
    assert "persons-token" not in repr(auth)


@pytest.mark.parametrize(
    "url",
    [
        "http://boatyard-x1.azurewebsites.net",
        "https://boatyard.example.com",
        "https://azurewebsites.net.evil.example",
        "https://evil.example/x.azurewebsites.net",
        "https://x.run.app",
        "https://[::1",
        "",
    ],
)
def test_an_address_that_is_none_of_app_services_gets_no_token(signed_in: Path, url: str) -> None:
    assert auth_for(url, named=True) is None and not signed_in.exists()


def test_a_token_is_sent_to_a_server_that_the_person_named_only(signed_in: Path, tmp_path: Path) -> None:
    """An address may come from a project's file: its server could use the token at the deployment."""
    at_home = {"XDG_CONFIG_HOME": str(tmp_path)}
    with pytest.raises(ConfigError, match=r"\(azure\): name this address in BOATYARD_URL"):
        find_auth(Endpoint(URL, str(tmp_path / "boatyard.toml")), environ=at_home)
    assert not signed_in.exists(), "nobody was asked for a token"
    assert isinstance(find_auth(Endpoint(URL, "BOATYARD_URL"), environ={**at_home, "BOATYARD_URL": URL}), EntraAuth)


@pytest.mark.parametrize("scope", ["", "https://management.azure.com", "api://x y/.default", "/.default", "x" * 300])
def test_without_a_scope_the_client_says_where_it_is_written(
    signed_in: Path, monkeypatch: pytest.MonkeyPatch, scope: str
) -> None:
    monkeypatch.setenv("BOATYARD_TOKEN_SCOPE", scope)
    with pytest.raises(ValueError, match="token_scope"):
        auth_for(URL, named=True)
    assert not signed_in.exists()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("Please run 'az login' to setup account.", f'az login --scope "{SCOPE}"'),
        ("ERROR: AADSTS65001: The user or administrator has not consented to 0123-SECRET", "AADSTS65001"),
    ],
)
def test_without_a_token_the_client_says_what_to_run(signed_in: Path, tmp_path: Path, error: str, words: str) -> None:
    az(tmp_path, f'echo "{error}" >&2; exit 1')
    with pytest.raises(ValueError, match="az login") as refused:
        auth_for(URL, named=True)
    assert words in str(refused.value) and "0123-SECRET" not in str(refused.value)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("65001", "consent with `az login --scope"),
        ("500011", "az login --tenant TENANT"),
        ("50105", "administrator assigns"),
        ("700082", "expired"),
        ("50076", "another factor"),
        ("999999", "there are no Azure credentials"),
    ],
)
def test_each_reason_has_its_own_advice(number: str, words: str) -> None:
    said = advice(f"AzureCliCredential: AADSTS{number}: <script> Trace ID: 1", SCOPE)
    assert words in said and f"AADSTS{number}" in said and "<script>" not in said


def test_a_refused_token_is_asked_for_again_once() -> None:
    numbers = iter(range(100))
    auth = EntraAuth(lambda: EntraToken(f"t{next(numbers)}", time.time() + 3600))
    assert sent(auth, 401, 200) == ["Bearer t0", "Bearer t1"]
    assert sent(auth, 401, 401) == ["Bearer t1", "Bearer t2"]


def test_a_token_is_renewed_before_its_end() -> None:
    numbers = iter(range(100))
    auth = EntraAuth(lambda: EntraToken(f"t{next(numbers)}", time.time() - 1))
    assert sent(auth, 200) + sent(auth, 200) == ["Bearer t0", "Bearer t1"]


def test_credentials_that_end_meanwhile_are_an_error_of_the_request() -> None:
    def fetch() -> EntraToken:
        raise NoEntraToken("az login")

    with pytest.raises(httpx.HTTPError, match="cannot be renewed: az login"):
        sent(EntraAuth(fetch), 200)
