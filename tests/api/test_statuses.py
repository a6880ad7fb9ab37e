"""Every status that an operation can answer with is in its description, for all errors that the ports can raise.

The test reads the errors from the sources of all implementations, so a new code must be described, too.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from boatyard.api import Request, connect
from boatyard.api.app import refuse
from boatyard.api.openapi import describe
from boatyard.api.operations import OPERATIONS
from boatyard.errors import CODES, BoatyardError
from tests.api.site import SPEC, Site

ADAPTERS = Path(__file__).parents[2] / "adapters"
PORTS = {
    "registry": (
        "registry/boatyard_registry",
        "aws/boatyard_aws/registry",
        "serverless/boatyard_serverless/registries.py",
        "serverless/boatyard_serverless/faults.py",
    ),
    "runner": (
        "local/boatyard_local/jobs",
        "local/boatyard_local/durable.py",
        "kubernetes/boatyard_kubernetes/refusals.py",
        "kubernetes/boatyard_kubernetes/jobs.py",
        "kubernetes/boatyard_kubernetes/runner.py",
        "aws/boatyard_aws/build_service.py",
        "serverless/boatyard_serverless/builds",
        "serverless/boatyard_serverless/faults.py",
    ),
    "contexts": (
        "local/boatyard_local/contexts.py",
        "local/boatyard_local/durable.py",
        "aws/boatyard_aws/bucket.py",
        "aws/boatyard_aws/contexts.py",
        "serverless/boatyard_serverless/faults.py",
    ),
    "secrets": (
        "local/boatyard_local/secret_store.py",
        "local/boatyard_local/durable.py",
        "kubernetes/boatyard_kubernetes/secret_store.py",
        "kubernetes/boatyard_kubernetes/refusals.py",
        "aws/boatyard_aws/secrets.py",
        "serverless/boatyard_serverless/faults.py",
    ),
}
OF_BUILDS = {"BUILDER_LOST", "EVICTED", "CANCELLED", "TIMED_OUT", "OUT_OF_MEMORY", "CONTEXT_INVALID"}
"""Ways in which a build ends; a runner names them in a build, and answers no request with them."""
USES = {
    "ensure": ("registry", "runner", "contexts", "secrets"),
    "image": ("registry", "runner"),
    "context": ("contexts",),
    "builds": ("runner",),
    "build": ("runner",),
    "logs": ("runner",),
    "cancel": ("runner",),
    "secret": ("secrets",),
    "secrets": ("secrets",),
    "delete_secret": ("secrets",),
}
MAKES = {"ensure", "secret"}
WRITES = {*MAKES, "context", "cancel"}


def never(operation: str) -> set[str]:
    """Codes that an operation cannot answer with, although others of the same port can."""
    made = set() if operation in MAKES else {"TOO_MANY_BUILDS", "PUSH_DENIED", "TAG_IMMUTABLE"}
    return made | (set() if operation in WRITES else {"DISK_FULL"})


def raised(port: str) -> set[str]:
    files = [file for place in PORTS[port] for file in _files(ADAPTERS / place)]
    calls = (
        node for file in files for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call)
    )
    found = set()
    for call in calls:
        if isinstance(call.func, ast.Name) and call.func.id in ("BoatyardError", "refused", "Refusal"):
            found |= {arg.attr for arg in call.args if isinstance(arg, ast.Attribute) and arg.attr in CODES}
    return found - OF_BUILDS


OF_JOBS: Final = {"referrers.py", "locks.py", "tag_list.py"}
"""Modules of the registry that jobs and the command line use, and no request."""


def _files(place: Path) -> list[Path]:
    assert place.exists(), place
    return [file for file in sorted(place.rglob("*.py")) if file.name not in OF_JOBS] if place.is_dir() else [place]


def described(method: str, path: str) -> set[str]:
    responses: dict[str, Any] = describe()["paths"][path.replace("+}", "}")][method.lower()]["responses"]
    return set(responses)


def test_the_implementations_were_read() -> None:
    assert {"REGISTRY_UNAVAILABLE", "REGISTRY_DENIED"} <= raised("registry")
    assert {"TOO_MANY_BUILDS", "DISK_FULL", "DATAPLANE_DENIED"} <= raised("runner")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_what_the_parts_raise_is_described(operation: Any) -> None:
    statuses = described(operation.method, operation.path)
    for port in USES.get(operation.name, ()):
        possible = raised(port) - never(operation.name)
        missing = {code for code in possible if str(CODES[code].status) not in statuses}
        assert not missing, f"{operation.name} by its {port}"


@pytest.mark.parametrize("code", CODES)
def test_whatever_is_raised_the_stock_builder_is_answered_as_described(code: str) -> None:
    response = refuse(BoatyardError(code, "why"), connect.PATH)
    assert str(response.status) in described("POST", connect.PATH)
    document = msgspec.json.decode(response.body)
    assert document["code"] in connect.ERRORS[response.status].split(", ") and document["message"] == "why"


def asked() -> Iterator[tuple[str, dict[str, str], bytes]]:
    yield "GET", {}, b""
    yield "POST", {"content-type": "text/plain"}, b""
    yield "POST", {"content-type": "application/json", "content-encoding": "br"}, b"{}"
    yield "POST", {"content-type": "application/json", "content-encoding": "gzip"}, b"no"
    yield "POST", {"content-type": "application/json"}, b"{" * 2_000
    yield "POST", {"content-type": "application/json"}, b"[" * 100_000
    yield "POST", {"content-type": "application/json"}, b" " * 10_000_000
    yield "POST", {"content-type": "application/proto"}, b"\xff" * 100
    yield "POST", {"content-type": "application/json"}, b'{"id": {"name": "x:1"}}'


@pytest.mark.parametrize(("method", "headers", "body"), list(asked()), ids=lambda given: str(given)[:40])
def test_whatever_the_stock_builders_way_is_asked_is_answered_as_described(
    method: str, headers: dict[str, str], body: bytes
) -> None:
    response = Site().api.handle(Request(method=method, path=connect.PATH, headers=headers, body=body))
    assert str(response.status) in described("POST", connect.PATH) | {"405"}


def test_an_error_nobody_foresaw_is_described_and_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site()
    monkeypatch.setattr(site.registry, "find", lambda *given: 1 / 0)
    status, problem = site.ask("POST", "/v1/builds", {"spec": SPEC})
    assert (status, problem["code"]) == (500, "INTERNAL") and "division" not in str(problem)
    status, error = site.ask("POST", connect.PATH, {"id": {"name": "x:1"}})
    assert (status, error["code"]) == (503, "unavailable") and "division" not in str(error)
