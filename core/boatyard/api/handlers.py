"""Implements the operations, one method each, with types for input and output."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from boatyard import key
from boatyard.api import messages
from boatyard.build import Build, State
from boatyard.context import Context
from boatyard.errors import BoatyardError, Code, invalid
from boatyard.order import Order
from boatyard.ports import BuildQuery, Scope, SecretValue
from boatyard.reference import Reference
from boatyard.service import LONGEST_WAIT_SECONDS, Service
from boatyard.spec import check_spec
from boatyard.validate import secret_name

VERSION = "0.1.0"
_LARGEST_PAGE = 500
_MOST_DIGITS = 9


class ApiCall(msgspec.Struct, frozen=True, kw_only=True):
    """An operation's input: path and query as text, the body as its type."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any = None


class ApiReply(msgspec.Struct, frozen=True, kw_only=True):
    status: int
    body: Any = None
    headers: Mapping[str, str] = {}
    settled: bool = True
    """As in `boatyard.api.http.Response`."""


class DeploymentFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The deployment's description in the capabilities."""

    cloud: str
    runners: tuple[str, ...]


class Handlers:
    """The methods have the names of `boatyard.api.operations.OPERATIONS`."""

    def __init__(self, service: Service, deployment: DeploymentFacts, describe: Callable[[], dict[str, Any]]) -> None:
        self._service = service
        self._deployment = deployment
        self._describe = describe

    def plan(self, call: ApiCall) -> ApiReply:
        return ApiReply(status=200, body=messages.PlanAnswer.of(self._service.plan(order_of(call.body))))

    def context(self, call: ApiCall) -> ApiReply:
        ask: messages.ContextRequest = call.body
        upload = self._service.upload(Context(sha256=ask.sha256, size=ask.size))
        if upload is None:
            return ApiReply(status=200, body=messages.ContextAnswer(exists=True))
        return ApiReply(
            status=201,
            body=messages.ContextAnswer(
                exists=False,
                upload_url=upload.upload_url,
                headers=upload.headers,
                expires_at=upload.expires_at,
            ),
        )

    def ensure(self, call: ApiCall) -> ApiReply:
        answer = messages.BuildAnswer.of(self._service.ensure(order_of(call.body)))
        if answer.id is None or answer.state.ended:
            return ApiReply(status=200, body=answer)
        return ApiReply(status=202, body=answer, headers={"location": f"/v1/builds/{answer.id}"})

    def builds(self, call: ApiCall) -> ApiReply:
        page = self._service.builds(
            BuildQuery(
                project=call.query.get("project"),
                domain=call.query.get("domain"),
                state=_state(call.query.get("state")),
                page_token=call.query.get("pageToken", ""),
                page_size=_page_size(call.query.get("pageSize")),
            )
        )
        return ApiReply(
            status=200, body=messages.BuildsAnswer(builds=page.builds, next_page_token=page.next_page_token)
        )

    def build(self, call: ApiCall) -> ApiReply:
        build: Build = self._service.build(call.path["id"], wait_seconds=wait_seconds(call.query))
        return ApiReply(status=200, body=build, settled=build.state.ended)

    def logs(self, call: ApiCall) -> ApiReply:
        page = self._service.logs(call.path["id"], call.query.get("cursor", ""), wait_seconds=wait_seconds(call.query))
        answer = messages.LogsAnswer(lines=page.lines, cursor=page.cursor, done=page.done)
        return ApiReply(status=200, body=answer, settled=bool(page.lines) or page.done)

    def cancel(self, call: ApiCall) -> ApiReply:
        return ApiReply(status=200, body=self._service.cancel(call.path["id"]))

    def image(self, call: ApiCall) -> ApiReply:
        found = self._service.find_image(Reference.parse(call.path["reference"], field="reference"))
        return ApiReply(status=200, body=messages.ImageAnswer.of(found))

    def secret(self, call: ApiCall) -> ApiReply:
        ask: messages.SecretRequest = call.body
        value = SecretValue(kind=ask.kind, value=ask.value.encode("utf-8"))
        self._service.put_secret(Scope(ask.project, ask.domain), call.path["name"], value)
        return ApiReply(status=204)

    def secrets(self, call: ApiCall) -> ApiReply:
        known = self._service.secrets(_scope(call.query))
        answers = tuple(messages.KnownSecretAnswer(name=secret.name, kind=secret.kind) for secret in known)
        return ApiReply(status=200, body=messages.SecretsAnswer(secrets=answers))

    def delete_secret(self, call: ApiCall) -> ApiReply:
        self._service.delete_secret(_scope(call.query), call.path["name"])
        return ApiReply(status=204)

    def capabilities(self, call: ApiCall) -> ApiReply:
        settings = self._service.settings
        limits = settings.limits
        return ApiReply(
            status=200,
            body=messages.CapabilitiesAnswer(
                cloud=self._deployment.cloud,
                runners=self._deployment.runners,
                platforms=settings.platforms,
                default_platforms=settings.default_platforms,
                limits=messages.LimitsAnswer(
                    context_bytes=limits.context_bytes,
                    request_bytes=limits.request_bytes,
                    layers=limits.layers,
                    build_timeout_seconds=limits.build_timeout_seconds,
                    concurrent_builds=limits.concurrent_builds,
                ),
                plan_version=key.SCHEMA,
                version=VERSION,
            ),
        )

    def health(self, call: ApiCall) -> ApiReply:
        return ApiReply(status=200, body=messages.HealthAnswer(status="ok"))

    def openapi(self, call: ApiCall) -> ApiReply:
        return ApiReply(status=200, body=self._describe())


def order_of(ask: messages.OrderRequest) -> Order:
    """The checked order of a request. Raises INVALID_SPEC or UNSUPPORTED."""
    if ask.registry_secret:
        secret_name(ask.registry_secret, field="registrySecret")
    return Order(
        spec=check_spec(ask.spec),
        scope=Scope(ask.project, ask.domain),
        target=ask.target,
        context=ask.context,
        tags=ask.tags,
        registry_secret=ask.registry_secret,
        force=ask.force,
    )


def _state(value: str | None) -> State | None:
    if value is None:
        return None
    try:
        return State(value)
    except ValueError:
        raise invalid(f"{value!r} is not a state; states are {', '.join(State)}", field="state") from None


def _page_size(value: str | None) -> int:
    if value is None:
        return BuildQuery().page_size
    if not value.isascii() or not value.isdigit() or len(value) > _MOST_DIGITS or not 1 <= int(value) <= _LARGEST_PAGE:
        raise invalid(f"must be a whole number from 1 to {_LARGEST_PAGE}", field="pageSize")
    return int(value)


def _scope(query: Mapping[str, str]) -> Scope:
    """The scope in a query. An empty value means the default, like a missing one in a body."""
    return Scope(query.get("project") or "default", query.get("domain") or "development")


def wait_seconds(query: Mapping[str, str]) -> float:
    """How long a request waits for news; 0 if it does not. Raises INVALID_SPEC."""
    value = query.get("wait")
    if value is None:
        return 0.0
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_WAIT_SECONDS:
        raise BoatyardError(Code.INVALID_SPEC, f"must be seconds from 0 to {LONGEST_WAIT_SECONDS:g}", field="wait")
    return seconds
