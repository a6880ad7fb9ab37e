"""Requests to Azure's services: tokens, retries, and errors that say who acts next."""

import pytest

from boatyard.errors import BoatyardError
from boatyard_azure.endpoints import CHINA, GOVERNMENT, PUBLIC, AzureEndpoints
from boatyard_azure.faults import NeededAzureRole, refusal_of
from boatyard_azure.rest import AzureCall, AzureRest
from boatyard_serverless.faults import REGISTRY, Fault
from tests.azure.entra import CLIENT_ID, Entra
from tests.azure.tls import Given
from tests.azure.vault import Vault

NEED = NeededAzureRole(
    permission="Microsoft.KeyVault/vaults/secrets/readMetadata/action",
    resource="key vault one",
    role="Key Vault Secrets Officer",
    scope="/subscriptions/1/one",
)


@pytest.fixture
def call(vault: Vault) -> AzureCall:
    address = f"{vault.url}/secrets"
    return AzureCall(method="GET", address=address, audience="vault", query={"api-version": "7.4"}, need=NEED)


def refusal(rest: AzureRest, call: AzureCall) -> BoatyardError:
    with pytest.raises(BoatyardError) as caught:
        rest.send(call)
    return caught.value


def body(code: str, inner: str = "") -> dict[str, object]:
    return {"error": {"code": code, "message": "<script>", **({"innererror": {"code": inner}} if inner else {})}}


def test_one_token_serves_many_calls_and_one_that_is_refused_is_renewed_once(
    rest: AzureRest, call: AzureCall, entra: Entra, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        assert rest.send(call).status == 200
    assert entra.given == 1
    entra.revoke()
    assert rest.send(call).status == 200 and entra.given == 2
    monkeypatch.setattr(entra, "knows", lambda token, resource: False)
    error = refusal(rest, call)
    assert error.code == "DATAPLANE_UNAVAILABLE" and "does not take the access token" in error.detail
    assert entra.given == 3


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_passing_fault_is_retried_and_one_that_stays_is_unavailable(
    rest: AzureRest, call: AzureCall, vault: Vault, status: int
) -> None:
    vault.failures = [Given(status, body("Internal"))] * 2
    reply = rest.send(call)
    assert reply.status == 200 and len(vault.calls) == 3 and reply.uncertain is (status != 429)
    vault.failures = [Given(status, body("Internal"))] * 4
    error = refusal(rest, call)
    assert error.code == "DATAPLANE_UNAVAILABLE" and f"{status} Internal" in error.detail and len(vault.calls) == 7


@pytest.mark.parametrize(
    ("status", "code", "inner", "says"),
    [
        (403, "Forbidden", "ForbiddenByRbac", f"az role assignment create --assignee {CLIENT_ID} --role"),
        (403, "Forbidden", "ForbiddenByConnection", "firewall"),
        (403, "RequestDisallowedByPolicy", "", "an Azure Policy forbids it"),
        (403, "ReadOnlyDisabledSubscription", "", "the subscription is disabled"),
        (409, "MissingSubscriptionRegistration", "", "az provider register --namespace Microsoft.KeyVault"),
        (403, "<script>", "", f"az role assignment create --assignee {CLIENT_ID}"),
    ],
)
def test_a_denial_has_more_meanings_than_one(
    rest: AzureRest, call: AzureCall, vault: Vault, status: int, code: str, inner: str, says: str
) -> None:
    vault.failures = [Given(status, body(code, inner))]
    error = refusal(rest, call)
    assert error.code == "DATAPLANE_DENIED" and says in error.detail and "<script>" not in error.detail
    assert len(vault.calls) == 1


def test_a_refusal_is_one_of_the_calls_own_codes(rest: AzureRest, vault: Vault) -> None:
    call = AzureCall(method="GET", address=f"{vault.url}/secrets", audience="vault", need=NEED, codes=REGISTRY)
    assert refusal(rest, call).code == "REGISTRY_UNAVAILABLE"
    vault.failures = [Given(403, body("Forbidden"))]
    assert refusal(rest, call).code == "REGISTRY_DENIED"


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[]", b'{"value": 5}', b"\xff", b"[" * 10_000])
def test_an_answer_that_cannot_be_read_is_unavailable(
    rest: AzureRest, call: AzureCall, vault: Vault, answer: bytes
) -> None:
    vault.failures = [Given(200, answer)]
    with pytest.raises(BoatyardError, match="its answer cannot be read") as caught:
        rest.read(call, dict[str, list[dict[str, str]]])
    assert caught.value.code == "DATAPLANE_UNAVAILABLE"


def test_a_server_with_another_certificate_gets_no_token(
    rest: AzureRest, call: AzureCall, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    assert "its certificate is not trusted" in refusal(rest, call).detail and vault.calls == []


@pytest.mark.parametrize(
    ("status", "headers", "text", "word", "fault"),
    [
        (403, {"x-ms-error-code": "AuthenticationFailed"}, b"", "AuthenticationFailed", Fault.EXPIRED),
        (401, {}, b"", "", Fault.EXPIRED),
        (503, {"x-ms-error-code": "ServerBusy"}, b"", "ServerBusy", Fault.THROTTLED),
        (400, {}, b'{"error": "invalid_client", "error_codes": [700213]}', "AADSTS700213", Fault.OTHER),
        (404, {"x-ms-error-code": "a b\nc"}, b"{}", "", Fault.OTHER),
        (500, {}, b'{"error": null}', "", Fault.OTHER),
        (500, {}, b'{"error": {"code": null, "innererror": null}}', "", Fault.OTHER),
    ],
)
def test_each_service_says_its_error_in_its_own_place(
    status: int, headers: dict[str, str], text: bytes, word: str, fault: Fault
) -> None:
    found = refusal_of(status, headers, text)
    assert (found.word, found.fault) == (word, fault)


@pytest.mark.parametrize(
    ("authority", "cloud", "blob"),
    [
        ("", PUBLIC, "https://a12.blob.core.windows.net"),
        ("https://login.microsoftonline.us/", GOVERNMENT, "https://a12.blob.core.usgovcloudapi.net"),
        ("login.chinacloudapi.cn", CHINA, "https://a12.blob.core.chinacloudapi.cn"),
        ("https://login.partner.microsoftonline.cn", CHINA, "https://a12.blob.core.chinacloudapi.cn"),
    ],
)
def test_the_authority_names_the_cloud(authority: str, cloud: object, blob: str) -> None:
    endpoints = AzureEndpoints({"AZURE_AUTHORITY_HOST": authority})
    assert endpoints.cloud == cloud and endpoints.blob("a12") == blob
    assert endpoints.resource("vault") == f"https://{endpoints.cloud.vault}"


@pytest.mark.parametrize(
    "url", ["http://blob.example", "https://", "https://u:p@blob.example", "https://b.example/?a=b"]
)
def test_no_token_is_sent_where_others_can_read_it(url: str) -> None:
    with pytest.raises(BoatyardError, match="BOATYARD_BLOB_ENDPOINT is no https address"):
        AzureEndpoints({"BOATYARD_BLOB_ENDPOINT": url}).blob("account")


@pytest.mark.parametrize("name", ["", "a", "UPPER", "a-b", "a/b", "a.evil.example#", "x" * 25])
def test_a_name_makes_no_address_of_somebody_else(name: str) -> None:
    for make in (AzureEndpoints({}).blob, AzureEndpoints({}).queue):
        with pytest.raises(BoatyardError, match="no name of a storage account"):
            make(name)


@pytest.mark.parametrize("name", ["", "a", "-vault", "vault-", "a--b", "1vault", "evil.example/x", "x" * 25])
def test_a_vaults_name_makes_no_address_of_somebody_else(name: str) -> None:
    with pytest.raises(BoatyardError, match="no name of a key vault"):
        AzureEndpoints({}).vault(name)
