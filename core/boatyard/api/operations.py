"""The table of the API's operations, with paths, types and errors. Routing and OpenAPI both use it."""

import re
from functools import cached_property
from typing import Any, Final

import msgspec

from boatyard.api import messages
from boatyard.build import Build
from boatyard.errors import Code


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A query parameter. `schema` is JSON Schema; values are text."""

    name: str
    schema: dict[str, Any]
    description: str


class Operation(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    name: str
    """Name of the method of `boatyard.api.handlers.Handlers`, and the operationId."""
    method: str
    path: str
    """A template: `{name}` is one path segment, `{name+}` any number of them."""
    summary: str
    answers: dict[int, Any]
    """Status -> type of the JSON body; None for no body."""
    errors: tuple[Code, ...] = ()
    body: Any = None
    query: tuple[Parameter, ...] = ()

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        parts = re.split(r"(\{[a-zA-Z]+\+?\})", self.path)
        made = [
            f"(?P<{part.strip('{}+')}>{'.+' if '+' in part else '[^/]+'})" if part.startswith("{") else re.escape(part)
            for part in parts
        ]
        return re.compile("".join(made) + r"\Z")


_WAIT: Final = Parameter(
    name="wait",
    schema={"type": "number", "minimum": 0, "maximum": 30},
    description="Seconds to wait for news before answering.",
)
_PAGE: Final = Parameter(name="pageToken", schema={"type": "string"}, description="From the page before.")
_SCOPE: Final = (
    Parameter(name="project", schema={"type": "string"}, description="`default` by default."),
    Parameter(name="domain", schema={"type": "string"}, description="`development` by default."),
)
_ORDER_ERRORS: Final = (
    Code.INVALID_SPEC,
    Code.INVALID_DOCKERFILE,
    Code.FORBIDDEN,
    Code.CONTEXT_TOO_LARGE,
    Code.UNSUPPORTED,
)

OPERATIONS: Final = (
    Operation(
        name="plan",
        method="POST",
        path="/v1/plans",
        summary="Dry run: the key, the target and the Dockerfile. Nothing is started.",
        body=messages.OrderRequest,
        answers={200: messages.PlanAnswer},
        errors=_ORDER_ERRORS,
    ),
    Operation(
        name="context",
        method="POST",
        path="/v1/contexts",
        summary="Announce a context; the answer has the URL to upload it to.",
        body=messages.ContextRequest,
        answers={200: messages.ContextAnswer, 201: messages.ContextAnswer},
        errors=(Code.INVALID_SPEC, Code.CONTEXT_TOO_LARGE, Code.DATAPLANE_UNAVAILABLE, Code.DISK_FULL),
    ),
    Operation(
        name="ensure",
        method="POST",
        path="/v1/builds",
        summary="Ensure that an image exists: answered from the registry, joined, or started.",
        body=messages.OrderRequest,
        answers={200: messages.BuildAnswer, 202: messages.BuildAnswer},
        errors=(
            *_ORDER_ERRORS,
            Code.CONTEXT_MISSING,
            Code.SECRET_NOT_FOUND,
            Code.TOO_MANY_BUILDS,
            Code.REGISTRY_UNAVAILABLE,
            Code.REGISTRY_DENIED,
            Code.REPOSITORY_NOT_FOUND,
            Code.TAG_IMMUTABLE,
            Code.DATAPLANE_UNAVAILABLE,
            Code.DATAPLANE_DENIED,
            Code.DISK_FULL,
        ),
    ),
    Operation(
        name="builds",
        method="GET",
        path="/v1/builds",
        summary="Builds, newest first.",
        query=(
            Parameter(name="project", schema={"type": "string"}, description="Only of this project."),
            Parameter(name="domain", schema={"type": "string"}, description="Only of this domain."),
            Parameter(
                name="state",
                schema={
                    "type": "string",
                    "enum": [
                        "PENDING",
                        "QUEUED",
                        "RUNNING",
                        "SUCCEEDED",
                        "FAILED",
                        "ERRORED",
                        "TIMED_OUT",
                        "CANCELLED",
                    ],
                },
                description="Only in this state.",
            ),
            Parameter(
                name="pageSize",
                schema={"type": "integer", "minimum": 1, "maximum": 500},
                description="At most this many; 50 by default.",
            ),
            _PAGE,
        ),
        answers={200: messages.BuildsAnswer},
        errors=(Code.INVALID_SPEC, Code.UNSUPPORTED, Code.DATAPLANE_UNAVAILABLE, Code.DATAPLANE_DENIED),
    ),
    Operation(
        name="build",
        method="GET",
        path="/v1/builds/{id}",
        summary="One build, after at most `wait` seconds for its end.",
        query=(_WAIT,),
        answers={200: Build},
        errors=(Code.INVALID_SPEC, Code.NOT_FOUND, Code.DATAPLANE_UNAVAILABLE, Code.DATAPLANE_DENIED),
    ),
    Operation(
        name="logs",
        method="GET",
        path="/v1/builds/{id}/logs",
        summary="The log from a cursor on; an empty cursor is the beginning.",
        query=(
            Parameter(name="cursor", schema={"type": "string"}, description="From the page before."),
            _WAIT,
        ),
        answers={200: messages.LogsAnswer},
        errors=(Code.INVALID_SPEC, Code.NOT_FOUND, Code.UNSUPPORTED, Code.DATAPLANE_UNAVAILABLE, Code.DATAPLANE_DENIED),
    ),
    Operation(
        name="cancel",
        method="POST",
        path="/v1/builds/{id}/cancel",
        summary="Ask a build to stop. One that has ended is left as it is.",
        answers={200: Build},
        errors=(Code.INVALID_SPEC, Code.NOT_FOUND, Code.DATAPLANE_UNAVAILABLE, Code.DATAPLANE_DENIED, Code.DISK_FULL),
    ),
    Operation(
        name="image",
        method="GET",
        path="/v1/images/{reference+}",
        summary="What the registry has under a reference.",
        answers={200: messages.ImageAnswer},
        errors=(
            Code.INVALID_SPEC,
            Code.FORBIDDEN,
            Code.NOT_FOUND,
            Code.REGISTRY_UNAVAILABLE,
            Code.REGISTRY_DENIED,
            Code.REPOSITORY_NOT_FOUND,
            Code.DATAPLANE_UNAVAILABLE,
            Code.DATAPLANE_DENIED,
        ),
    ),
    Operation(
        name="secret",
        method="PUT",
        path="/v1/secrets/{name}",
        summary="Set a secret of a project and domain. Write-only.",
        body=messages.SecretRequest,
        answers={204: None},
        errors=(
            Code.INVALID_SPEC,
            Code.FORBIDDEN,
            Code.DATAPLANE_UNAVAILABLE,
            Code.DATAPLANE_DENIED,
            Code.TOO_MANY_BUILDS,
            Code.DISK_FULL,
        ),
    ),
    Operation(
        name="secrets",
        method="GET",
        path="/v1/secrets",
        summary="Names and kinds of the secrets of a project and domain.",
        query=_SCOPE,
        answers={200: messages.SecretsAnswer},
        errors=(Code.INVALID_SPEC, Code.FORBIDDEN, Code.DATAPLANE_UNAVAILABLE, Code.DATAPLANE_DENIED),
    ),
    Operation(
        name="delete_secret",
        method="DELETE",
        path="/v1/secrets/{name}",
        summary="Delete a secret of a project and domain.",
        query=_SCOPE,
        answers={204: None},
        errors=(Code.INVALID_SPEC, Code.NOT_FOUND, Code.DATAPLANE_UNAVAILABLE, Code.DATAPLANE_DENIED),
    ),
    Operation(
        name="capabilities",
        method="GET",
        path="/v1/capabilities",
        summary="What this deployment can do.",
        answers={200: messages.CapabilitiesAnswer},
    ),
    Operation(
        name="health",
        method="GET",
        path="/healthz",
        summary="Whether the service answers.",
        answers={200: messages.HealthAnswer},
    ),
    Operation(
        name="openapi",
        method="GET",
        path="/openapi.json",
        summary="This description.",
        answers={200: dict[str, Any]},
    ),
)

ALWAYS: Final = (Code.INVALID_SPEC, Code.UNAUTHENTICATED, Code.FORBIDDEN, Code.OVERLOADED, Code.INTERNAL)
"""Errors of every operation: a path or query that is too long, missing credentials, an unknown caller, no capacity, or
an unforeseen error."""

WITH_BODY: Final = (Code.UNSUPPORTED_MEDIA_TYPE, Code.CONTEXT_TOO_LARGE, Code.REQUEST_TIMEOUT)
"""Errors of every operation with a body: its type, its size or its pace."""
