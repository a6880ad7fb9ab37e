"""Whose tokens are used in a function, in a pod, on a machine; azure-identity gets the same from the same servers."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.identity import ManagedIdentityCredential, WorkloadIdentityCredential

from boatyard.errors import BoatyardError
from boatyard_azure import token_sources
from boatyard_azure.identity import AccessToken, AzureIdentity, KeptIdentity, find_identity
from boatyard_azure.signed_in import SignedIn
from tests.azure.entra import ASSERTION, CLIENT_ID, TENANT, Entra
from tests.azure.tls import Given

STORAGE = "https://storage.azure.com"
VAULT = "https://vault.azure.net"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_sources._Client.__init__, "__kwdefaults__", _quick(token_sources._Client))


def _quick(client: type) -> dict[str, Any]:
    return {**client.__init__.__kwdefaults__, "sleep": lambda _: None}  # type: ignore[misc]


@pytest.fixture
def pod(entra: Entra, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """The file with the pod's own token."""
    for name in entra.of_a_function:
        monkeypatch.delenv(name)
    file = tmp_path / "azure-identity-token"
    file.write_text(ASSERTION)
    for name, value in entra.of_a_pod(str(file)).items():
        monkeypatch.setenv(name, value)
    yield file


def refusal(identity: AzureIdentity, resource: str = STORAGE) -> BoatyardError:
    with pytest.raises(BoatyardError) as caught:
        identity.token(resource)
    return caught.value


def test_a_function_is_its_managed_identity(entra: Entra) -> None:
    found = find_identity()
    token = found.token(STORAGE)
    assert entra.knows(token, STORAGE) and found.token(STORAGE) == token and entra.given == 1
    assert entra.knows(found.token(VAULT), VAULT), "each resource has a token of its own"
    assert found.assignee() == CLIENT_ID


def test_a_pod_is_its_workload_identity(entra: Entra, pod: Path) -> None:
    found = find_identity()
    assert entra.knows(found.token(STORAGE), STORAGE) and entra.given == 1


def test_a_pods_own_token_is_read_again_for_each_exchange(entra: Entra, pod: Path) -> None:
    found = find_identity()
    first = found.token(STORAGE)
    pod.write_text("the next one")
    entra.assertion = "the next one"
    assert found.token(STORAGE, refused=first) != first


def test_a_machine_is_its_own_identity(entra: Entra, monkeypatch: pytest.MonkeyPatch) -> None:
    source = token_sources.instance_identity(entra.of_a_machine)
    token = source(STORAGE)
    assert entra.knows(token.text, STORAGE) and 86_000 < token.seconds <= 86_400


def test_azure_identity_gets_its_tokens_from_the_same_servers(entra: Entra, pod: Path, ca_file: Path) -> None:
    pod_credential = WorkloadIdentityCredential(
        tenant_id=TENANT,
        client_id=CLIENT_ID,
        token_file_path=str(pod),
        authority=entra.url,
        disable_instance_discovery=True,
        connection_verify=str(ca_file),
    )
    assert entra.knows(pod_credential.get_token(f"{STORAGE}/.default").token, STORAGE)


@pytest.mark.parametrize("where", ["of_a_function", "of_a_machine"])
def test_its_managed_identity_too(entra: Entra, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    for name in entra.of_a_function:
        monkeypatch.delenv(name)
    for name, value in getattr(entra, where).items():
        monkeypatch.setenv(name, value)
    token = ManagedIdentityCredential(client_id=CLIENT_ID).get_token(f"{VAULT}/.default").token
    assert entra.knows(token, VAULT)


def test_a_person_is_who_signed_in(nowhere: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    az = tmp_path / "az"
    az.write_text(
        '#!/bin/sh\necho \'{"accessToken": "persons-token", "expires_on": 4102444800, "tokenType": "Bearer"}\'\n'
    )
    az.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "AzureCliCredential")
    found = find_identity()
    assert isinstance(found, KeptIdentity) and isinstance(found._source, SignedIn)
    assert found.token(STORAGE) == "persons-token" and found.assignee() == ""


def test_who_did_not_sign_in_is_asked_to(nowhere: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "AzureCliCredential")
    error = refusal(find_identity())
    assert error.code == "DATAPLANE_DENIED" and error.detail.endswith("sign in with `az login`")


def test_a_function_imports_no_azure_identity(entra: Entra) -> None:
    code = (
        "import sys, boatyard_azure.rest as r; r.AzureRest().identity.token('https://storage.azure.com');"
        "print([name for name in ('azure.identity', 'azure.core', 'requests', 'urllib3') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize("status", [404, 410, 429, 500, 503])
def test_an_endpoint_that_is_not_ready_is_asked_again(entra: Entra, status: int) -> None:
    entra.failures = [Given(status, b"")] * 3
    assert find_identity().token(STORAGE) and entra.given == 1
    entra.failures = [Given(status, b"")] * 4
    error = refusal(find_identity())
    assert error.code == "DATAPLANE_UNAVAILABLE" and str(status) in error.detail


def test_an_identity_that_is_not_assigned_is_named(entra: Entra, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_CLIENT_ID", "99999999-2222-3333-4444-555555555555")
    error = refusal(find_identity())
    assert error.code == "DATAPLANE_DENIED" and "assign the identity that AZURE_CLIENT_ID names" in error.detail
    assert "identity_not_found" in error.detail and "<script>" not in error.detail


def test_a_pod_without_a_federated_credential_says_entras_number(entra: Entra, pod: Path) -> None:
    pod.write_text("another service account's")
    error = refusal(find_identity())
    assert error.code == "DATAPLANE_DENIED" and "AADSTS700213" in error.detail
    assert "another" not in error.detail and "<script>" not in error.detail
    pod.unlink()
    assert "AZURE_FEDERATED_TOKEN_FILE cannot be read" in refusal(find_identity()).detail


def test_a_machine_that_is_none_of_azures_has_no_credentials(nowhere: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1")
    error = refusal(find_identity())
    assert error.code == "DATAPLANE_DENIED" and "az login" in error.detail


def test_the_endpoint_is_asked_without_the_environments_proxy(entra: Entra, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert find_identity().token(STORAGE)


@pytest.mark.parametrize("text", ["", "a b", "a\nb", "ü", "x" * 20_000])
def test_a_token_that_no_header_can_carry_is_refused(text: str) -> None:
    error = refusal(KeptIdentity(lambda resource: AccessToken(text, 3600)))
    assert error.code == "DATAPLANE_UNAVAILABLE" and "can be read" in error.detail


@pytest.mark.parametrize("body", [b"", b"<html>", {"access_token": 5}, {}, b"[" * 5000])
def test_what_is_no_token_is_refused(entra: Entra, body: Any) -> None:
    entra.failures = [Given(200, body)] * 4
    assert refusal(find_identity()).code == "DATAPLANE_UNAVAILABLE"


def kept(lasts: float, monotonic: Callable[[], float], wall: Callable[[], float]) -> tuple[AzureIdentity, list[str]]:
    asked: list[str] = []

    def source(resource: str) -> AccessToken:
        asked.append(resource)
        return AccessToken(f"token-{len(asked)}", lasts)

    return KeptIdentity(source, now=monotonic, wall=wall), asked


@pytest.mark.parametrize("stands", ["monotonic", "wall"])
def test_a_token_is_renewed_before_its_end_by_either_clock(stands: str) -> None:
    times = {"monotonic": 0.0, "wall": time.time()}
    identity, asked = kept(3600, lambda: times["monotonic"], lambda: times["wall"])
    moves = "wall" if stands == "monotonic" else "monotonic"
    identity.token(STORAGE)
    times[moves] += 3299
    assert identity.token(STORAGE) == "token-1"
    times[moves] += 1
    assert identity.token(STORAGE) == "token-2" and len(asked) == 2


def test_a_token_that_ends_soon_is_not_asked_for_by_every_call() -> None:
    now = [0.0]
    identity, asked = kept(60, lambda: now[0], lambda: now[0])
    assert {identity.token(STORAGE) for _ in range(3)} == {"token-1"}
    now[0] += 30
    assert identity.token(STORAGE) == "token-2" and len(asked) == 2
