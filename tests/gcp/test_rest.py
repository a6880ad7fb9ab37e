"""Calls to Google's APIs: tokens, retries, and errors that say who acts next."""

import json
import threading
from collections.abc import Mapping

import msgspec
import pytest

from boatyard.errors import BoatyardError
from boatyard_gcp.endpoints import endpoint
from boatyard_gcp.faults import NeededRole
from boatyard_gcp.rest import GoogleCall, GoogleRest
from boatyard_serverless.faults import REGISTRY
from boatyard_serverless.rest import takes_token
from tests.gcp.loopback import ApiServer
from tests.gcp.metadata_server import EMAIL, MetadataServer

GET = "secretmanager.projects.secrets.get"
NEED = NeededRole(
    permission="secretmanager.secrets.get",
    resource="secret one",
    role="roles/secretmanager.viewer",
    grant="gcloud secrets add-iam-policy-binding one",
)
CALL = GoogleCall(api="secretmanager", method="GET", path="/v1/projects/p/secrets/one", need=NEED)


@pytest.fixture
def server(secret_manager: ApiServer) -> ApiServer:
    secret_manager.on(GET, lambda asked: {"name": "projects/1/secrets/one"})
    return secret_manager


def refusal(rest: GoogleRest, call: GoogleCall = CALL) -> BoatyardError:
    with pytest.raises(BoatyardError) as caught:
        rest.send(call)
    return caught.value


def test_one_token_serves_many_calls(server: ApiServer, rest: GoogleRest, metadata: MetadataServer) -> None:
    for _ in range(3):
        assert rest.read(CALL, dict) == {"name": "projects/1/secrets/one"}
    assert metadata.given == 1


def test_a_token_that_ends_soon_is_renewed(server: ApiServer, rest: GoogleRest, metadata: MetadataServer) -> None:
    metadata.lasts = 200
    rest.send(CALL)
    rest.identity._until = 0.0  # type: ignore[attr-defined]
    rest.send(CALL)
    assert metadata.given == 2


def test_a_token_that_is_refused_is_renewed_once(server: ApiServer, rest: GoogleRest, metadata: MetadataServer) -> None:
    rest.send(CALL)
    metadata.revoke()
    assert rest.send(CALL).status == 200 and metadata.given == 2
    metadata.knows = lambda authorization: False  # type: ignore[method-assign]
    error = refusal(rest)
    assert error.code == "DATAPLANE_UNAVAILABLE" and "does not accept the access token" in error.detail
    assert metadata.given == 3


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_passes_is_asked_again(server: ApiServer, rest: GoogleRest, status: int) -> None:
    server.fail(GET, status, "UNAVAILABLE", times=2)
    reply = rest.send(CALL)
    assert reply.status == 200 and server.count(GET) == 3
    assert reply.uncertain is (status != 429)


def test_what_stays_is_unavailable_after_a_bounded_number_of_calls(server: ApiServer, rest: GoogleRest) -> None:
    server.fail(GET, 503, "UNAVAILABLE")
    error = refusal(rest)
    assert error.code == "DATAPLANE_UNAVAILABLE" and error.detail.endswith("on secret one with 503 UNAVAILABLE")
    assert server.count(GET) == 4


def test_what_does_not_pass_is_asked_once(server: ApiServer, rest: GoogleRest) -> None:
    server.fail(GET, 400, "INVALID_ARGUMENT")
    assert refusal(rest).code == "DATAPLANE_UNAVAILABLE" and server.count(GET) == 1


def test_a_denial_names_the_permission_and_the_command(server: ApiServer, rest: GoogleRest) -> None:
    info = {"permission": "secretmanager.secrets.get"}
    server.fail(GET, 403, "PERMISSION_DENIED", reason="IAM_PERMISSION_DENIED", info=info)
    error = refusal(rest)
    assert error.code == "DATAPLANE_DENIED"
    assert "Google refuses secretmanager.secrets.get on secret one" in error.detail
    command = f"gcloud secrets add-iam-policy-binding one --member=serviceAccount:{EMAIL}"
    assert error.detail.endswith(f"{command} --role=roles/secretmanager.viewer")
    assert server.count(GET) == 1


@pytest.mark.parametrize(
    ("reason", "info", "expected"),
    [
        ("SERVICE_DISABLED", {"service": "run.googleapis.com"}, "gcloud services enable run.googleapis.com"),
        ("SERVICE_DISABLED", {"service": "x; rm -rf /"}, "gcloud services enable secretmanager.googleapis.com"),
        ("BILLING_DISABLED", {}, "billing account"),
        ("SECURITY_POLICY_VIOLATED", {}, "VPC Service Controls"),
        ("ACCESS_TOKEN_SCOPE_INSUFFICIENT", {}, "access scopes"),
        ("<script>", {}, "grant roles/secretmanager.viewer"),
    ],
)  # fmt: skip
def test_a_403_has_more_meanings_than_one(
    server: ApiServer, rest: GoogleRest, reason: str, info: Mapping[str, str], expected: str
) -> None:
    server.fail(GET, 403, "PERMISSION_DENIED", reason=reason, info=info)
    error = refusal(rest)
    assert error.code == "DATAPLANE_DENIED" and expected in error.detail
    assert "<script>" not in error.detail and "rm -rf" not in error.detail


def test_a_403_that_is_a_quota_passes(server: ApiServer, rest: GoogleRest) -> None:
    server.fail(GET, 403, "PERMISSION_DENIED", reason="rateLimitExceeded", times=1)
    assert rest.send(CALL).status == 200
    server.fail(GET, 429, "RESOURCE_EXHAUSTED")
    error = refusal(rest)
    assert error.code == "DATAPLANE_UNAVAILABLE" and "throttles" in error.detail and error.retry_after_seconds


def test_codes_are_those_of_the_port(server: ApiServer, rest: GoogleRest) -> None:
    call = msgspec.structs.replace(CALL, codes=REGISTRY)
    server.fail(GET, 403, "PERMISSION_DENIED", times=1)
    assert refusal(rest, call).code == "REGISTRY_DENIED"
    server.fail(GET, 503, "UNAVAILABLE")
    assert refusal(rest, call).code == "REGISTRY_UNAVAILABLE"


def test_nothing_that_listens_is_unavailable(
    rest: GoogleRest, metadata: MetadataServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER", "http://127.0.0.1:1")
    error = refusal(rest)
    assert error.code == "DATAPLANE_UNAVAILABLE" and "connection refused" in error.detail


def test_an_answer_that_is_no_json_is_unavailable(server: ApiServer, rest: GoogleRest) -> None:
    server.on(GET, lambda asked: {"name": "projects/1/secrets/one"})
    with pytest.raises(BoatyardError, match="cannot be read"):
        rest.read(CALL, list)


def test_a_hundred_threads_fetch_one_token(server: ApiServer, rest: GoogleRest, metadata: MetadataServer) -> None:
    threads = [threading.Thread(target=rest.send, args=[CALL]) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert metadata.given == 1 and server.count(GET) == 20


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "https://storage.googleapis.com"),
        ({"STORAGE_EMULATOR_HOST": "http://127.0.0.1:9/"}, "http://127.0.0.1:9"),
        ({"STORAGE_EMULATOR_HOST": "127.0.0.1:9"}, "http://127.0.0.1:9"),
        (
            {"CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE": "https://storage-psc.p.googleapis.com/"},
            "https://storage-psc.p.googleapis.com",
        ),
    ],
)
def test_an_address_is_moved_by_the_names_of_googles_tools(environ: dict[str, str], expected: str) -> None:
    assert endpoint("storage", environ) == expected


def test_no_token_is_sent_where_others_can_read_it() -> None:
    assert takes_token("https://storage.googleapis.com") and takes_token("http://127.0.0.1:9")
    assert not takes_token("http://storage.example.com") and not takes_token("http://127.evil.example")


def test_errors_show_no_token(server: ApiServer, rest: GoogleRest, metadata: MetadataServer) -> None:
    server.fail(GET, 403, "PERMISSION_DENIED")
    assert "ya29" not in json.dumps([refusal(rest).detail, repr(rest.identity)])
