"""The API behind the Functions host: azure-functions' requests in, answers that the host carries out."""

import json
from collections.abc import Callable
from typing import Any

import azure.functions as func
import msgspec
import pytest

from boatyard.errors import BoatyardError
from boatyard.service import LONGEST_WAIT_SECONDS
from boatyard.settings import Access, Caller
from boatyard_azure.http import HttpApp, answer
from boatyard_azure.telemetry import InsightsTelemetry
from tests.azure.logs import Lines
from tests.azure.payloads import ADA, CALLER, TENANT, principal, request
from tests.serverless.parts import BASE, SETTINGS, MemoryParts, order

MB = 1024 * 1024
Asked = tuple[int, Any]


class Edge:
    def __init__(self, access: Access | None = None, *, checked: bool = True, anonymous: bool = False) -> None:
        settings = msgspec.structs.replace(SETTINGS, access=access) if access else SETTINGS
        self.parts = MemoryParts(settings)
        self.parts.push(BASE)
        self.app = HttpApp(
            lambda: self.parts.deployment.api,
            InsightsTelemetry(),
            request_bytes=settings.limits.request_bytes,
            invokers_checked=checked,
            anonymous=anonymous,
        )

    def ask(self, asked: func.HttpRequest) -> Asked:
        response = self.app.handle(asked)
        return response.status, json.loads(response.body) if response.body else None


@pytest.fixture
def edge() -> Edge:
    return Edge()


def test_an_image_that_is_not_there_is_built_once(edge: Edge) -> None:
    status, first = edge.ask(request("POST", "/v1/builds", order()))
    assert status == 202 and first["state"] == "QUEUED" and not first["joined"]
    status, again = edge.ask(request("POST", "/v1/builds", order()))
    assert status == 202 and again["joined"] and again["id"] == first["id"] and len(edge.parts.started) == 1
    assert edge.ask(request("GET", f"/v1/builds/{first['id']}"))[1]["project"] == "ml"


def test_no_wait_is_near_the_end_of_the_load_balancers_patience(edge: Edge) -> None:
    """230 seconds; a request that waits needs its last look and its answer too."""
    assert LONGEST_WAIT_SECONDS <= 60
    made = edge.ask(request("POST", "/v1/builds", order()))[1]
    status, problem = edge.ask(request("GET", f"/v1/builds/{made['id']}", query="wait=120"))
    assert status == 400 and problem["field"] == "wait"


class TestCallers:
    def test_whom_the_edge_has_checked_is_held_against_the_policy(self) -> None:
        edge = Edge(Access(callers=(Caller(match=CALLER, projects=("ml/*",)),)))
        assert edge.ask(request("POST", "/v1/plans", order()))[0] == 200
        assert edge.ask(request("POST", "/v1/plans", {**order(), "project": "web"}))[0] == 403
        other = principal([{"typ": "oid", "val": TENANT}, {"typ": "tid", "val": TENANT}])
        status, problem = edge.ask(request("POST", "/v1/plans", order(), headers=other))
        assert status == 403 and f"{TENANT}/{TENANT}" in problem["detail"]

    def test_a_whole_tenant_may_be_let_in(self) -> None:
        edge = Edge(Access(callers=(Caller(match=f"{TENANT}/*"),)))
        assert edge.ask(request("POST", "/v1/plans", order()))[0] == 200

    def test_a_request_without_the_edges_header_is_refused(self, edge: Edge) -> None:
        for headers in ({}, {"Authorization": "Bearer a.b.c"}, {"X-MS-CLIENT-PRINCIPAL-ID": ADA}):
            status, problem = edge.ask(request("GET", "/v1/capabilities", headers=headers))
            assert (status, problem["code"]) == (401, "UNAUTHENTICATED")

    def test_without_being_told_that_the_edge_checks_nobody_is_believed(self, lines: Lines) -> None:
        status, problem = Edge(checked=False).ask(request("GET", "/v1/capabilities"))
        assert status == 401 and "BOATYARD_INVOKERS_CHECKED" in problem["detail"]
        assert ADA not in json.dumps(lines())

    def test_behind_another_gateway_nobody_has_a_name(self, lines: Lines) -> None:
        assert Edge(checked=False, anonymous=True).ask(request("GET", "/healthz"))[0] == 200
        edge = Edge(Access(callers=(Caller(match="*"),)), checked=False, anonymous=True)
        assert edge.ask(request("POST", "/v1/plans", order()))[0] == 401
        assert ADA not in json.dumps(lines())


class TestBodiesAndPaths:
    def test_the_path_is_decoded_once_and_the_query_is_read(self, edge: Edge) -> None:
        status, problem = edge.ask(request("GET", "/v1/images/ghcr.io%2Facme%2Fx%3A1%2525"))
        assert status == 400 and "%25" in problem["detail"]
        status, problem = edge.ask(request("GET", "/v1/builds", query="pageSize=0&state=RUNNING"))
        assert status == 400 and problem["field"] == "pageSize"

    @pytest.mark.parametrize(
        ("asked", "status", "code"),
        [
            (lambda: request("POST", "/v1/plans", b"{"), 400, "INVALID_SPEC"),
            (lambda: request("POST", "/v1/plans", b"\xff\xfe"), 400, "INVALID_SPEC"),
            (lambda: request("POST", "/v1/plans", b""), 400, "INVALID_SPEC"),
            (lambda: request("POST", "/v1/plans", b"[" * 100_000), 400, "INVALID_SPEC"),
            (lambda: request("POST", "/v1/plans", b"x" * (5 * MB)), 413, "CONTEXT_TOO_LARGE"),
            (lambda: request("DELETE", "/v1/builds"), 405, "METHOD_NOT_ALLOWED"),
            (lambda: request("TRACE", "/v1/builds"), 405, "METHOD_NOT_ALLOWED"),
            (lambda: request("GET", "/nothing"), 404, "NOT_FOUND"),
            (lambda: request("GET", "/"), 404, "NOT_FOUND"),
            (lambda: request("GET", ""), 404, "NOT_FOUND"),
            (lambda: request("GET", "/%00%ff%0a"), 404, "NOT_FOUND"),
            (lambda: request("GET", "/../../etc/passwd"), 404, "NOT_FOUND"),
            (lambda: request("GET", "/" + "a" * 100_000), 400, "INVALID_SPEC"),
            (lambda: request("GET", "/v1/builds", query="%ff=%00&;;&=&pageSize=1e9"), 400, "INVALID_SPEC"),
        ],
    )
    def test_what_cannot_be_served_has_a_clear_answer(
        self, edge: Edge, asked: Callable[[], func.HttpRequest], status: int, code: str
    ) -> None:
        answered, problem = edge.ask(asked())
        assert (answered, problem["code"]) == (status, code)

    def test_a_host_header_that_is_no_host_is_an_answer_too(self, edge: Edge) -> None:
        response = edge.app.handle(func.HttpRequest("GET", "https://[x/healthz", headers=principal(), body=b""))
        assert response.status == 404

    def test_a_body_without_a_length_does_not_come_through_and_the_answer_says_so(self, edge: Edge) -> None:
        headers = {**principal(), "Content-Type": "application/json", "Transfer-Encoding": "chunked"}
        status, problem = edge.ask(request("POST", "/v1/plans", headers=headers))
        assert status == 400 and "Content-Length" in problem["detail"]

    def test_an_unforeseen_error_is_an_answer_too(self, edge: Edge, lines: Lines) -> None:
        edge.app._api = lambda: [][0]
        status, problem = edge.ask(request("GET", "/v1/capabilities"))
        assert (status, problem["code"]) == (500, "INTERNAL")
        assert any("IndexError" in line.get("stack_trace", "") for line in lines())


def test_a_registry_that_gives_no_answer_is_no_missing_image(edge: Edge) -> None:
    edge.parts.registry.failure = BoatyardError("REGISTRY_UNAVAILABLE", "later")
    status, problem = edge.ask(request("POST", "/v1/builds", order()))
    assert (status, problem["code"]) == (502, "REGISTRY_UNAVAILABLE") and not edge.parts.started


def test_an_answer_keeps_its_headers_and_its_bytes(edge: Edge) -> None:
    response = answer(edge.app.handle(request("GET", "/nothing")))
    assert response.status_code == 404 and response.headers["content-type"] == "application/problem+json"
    assert json.loads(response.get_body())["code"] == "NOT_FOUND"


def test_the_line_of_an_answer_names_caller_invocation_and_trace(edge: Edge, lines: Lines) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    asked = request("GET", "/healthz", headers={**principal(), "traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    edge.app.handle(asked, invocation="5fc1a0e5-7a57-4b02-a8a5-4a46ae2ba5b6")
    (line, metrics) = lines()
    assert (line["message"], line["caller"], line["trace"]) == ("answered", CALLER, trace)
    assert line["invocation"].startswith("5fc1a0e5") and metrics["metrics"]["Answers2xx"] == 1
